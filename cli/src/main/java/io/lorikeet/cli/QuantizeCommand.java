package io.lorikeet.cli;

import io.lorikeet.export.QuantizationLoss;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.ImportanceMatrix;
import io.lorikeet.quant.ModelQuantizer;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.quant.QuantizationError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/// `lorikeet quantize`.
@Command(
    name = "quantize",
    description = "Quantize an F32, F16 or BF16 model, exactly as llama-quantize does.")
@Inputs(
    value = {"--model", "--output"},
    needed = 2)
final class QuantizeCommand extends WritingCommand {
  private static final int CONTEXT = 512;

  @Option(names = "--model", paramLabel = "FILE", description = "GGUF file to read")
  private Path input;

  @Option(names = "--output", paramLabel = "FILE", description = "GGUF file to write")
  private Path output;

  @Option(
      names = "--type",
      required = true,
      paramLabel = "TYPE",
      description = "llama.cpp's name of the type, such as Q4_0, Q4_K_M or IQ4_XS")
  private String type;

  @Option(
      names = "--imatrix",
      paramLabel = "FILE",
      description = "importance matrix of 'lorikeet imatrix' or llama-imatrix")
  private @Nullable Path importance;

  @Option(names = "--dry-run", description = "write nothing, and say what each tensor would become")
  private boolean dryRun;

  @Option(
      names = "--report",
      description = "say how far each tensor is from the source (root mean square error)")
  private boolean report;

  @Option(
      names = "--data",
      paramLabel = "TEXT",
      description = "with --report: also perplexity and KL divergence on this text file")
  private @Nullable Path data;

  @Option(names = "--force", description = "replace the output, if it exists")
  private boolean force;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Mixin private ThreadsOption threads = new ThreadsOption();

  @Override
  OutputPlan files() {
    OutputPlan plan =
        new OutputPlan()
            .reads("--model", input)
            .reads("--imatrix", importance)
            .reads("--data", data);
    return dryRun ? plan : plan.writes("--output", output);
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    ModelQuantizer.recipe(type);
    if (data != null && !report) {
      throw new ParameterException(spec.commandLine(), "--data goes with --report");
    }
    if (dryRun && report) {
      throw new ParameterException(
          spec.commandLine(), "--report measures what --dry-run doesn't write");
    }
    ProgressLine line = ProgressLine.of(spec);
    Optional<ImportanceMatrix> matrix =
        importance == null ? Optional.empty() : Optional.of(ImportanceMatrix.read(importance));
    if (dryRun) {
      List<GgufTensor> planned = ModelQuantizer.plan(input, type, matrix);
      if (json) {
        line.println(JsonText.of(QuantizationWords.json(planned)));
      } else {
        QuantizationWords.plan(planned).forEach(line::println);
      }
      return 0;
    }
    try {
      ModelQuantizer.quantize(
          input,
          output,
          type,
          threads.count(),
          matrix,
          (tensor, number, count) ->
              line.update("tensor %s of %s  %s".formatted(number, count, tensor)));
    } finally {
      line.clear();
    }
    if (json) {
      line.println(JsonText.of(measured()));
    } else {
      printMeasured(line);
    }
    return 0;
  }

  private void printMeasured(ProgressLine line) throws IOException {
    line.println(
        "%s: %s, from %s of %s"
            .formatted(
                output, Words.bytes(Files.size(output)), Words.bytes(Files.size(input)), input));
    if (report) {
      QuantizationWords.errors(QuantizationError.compare(input, output)).forEach(line::println);
    }
    if (data != null) {
      line.println(QuantizationWords.loss(loss(data)));
    }
  }

  private Map<String, Object> measured() throws IOException {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("bytes", Files.size(output));
    values.put("source_bytes", Files.size(input));
    if (report) {
      values.put(
          "tensors",
          QuantizationError.compare(input, output).stream().map(QuantizationWords::json).toList());
    }
    if (data != null) {
      values.put("text", QuantizationWords.json(loss(data)));
    }
    return values;
  }

  private QuantizationLoss loss(Path text) throws IOException {
    return QuantizationLoss.measure(input, output, text, CONTEXT, threads.count());
  }
}

package io.lorikeet.cli;

import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.ImportanceCollector;
import io.lorikeet.quant.ImportanceMatrix;
import io.lorikeet.quant.OutputPlan;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `lorikeet imatrix`.
@Command(
    name = "imatrix",
    description =
        "Measure on a text which weights matter, for 'quantize --imatrix'; a file as llama-imatrix"
            + " writes it.")
@Inputs(
    value = {"--model", "--data"},
    needed = 2)
final class ImatrixCommand extends WritingCommand {
  private static final int LEAST_CONTEXT = 16;

  @Option(names = "--model", paramLabel = "FILE", description = "GGUF model")
  private Path model;

  @Option(
      names = "--data",
      paramLabel = "TEXT",
      description = "text file in UTF-8, of the kind that the model is for; 100 KB and more")
  private Path data;

  @Option(names = "--output", required = true, paramLabel = "FILE", description = "file to write")
  private Path output;

  @Option(
      names = "--context",
      paramLabel = "TOKENS",
      converter = NumberOptions.Context.class,
      description = "tokens to read at once (default: ${DEFAULT-VALUE})")
  private int context = 512;

  @Option(names = "--force", description = "replace the output, if it exists")
  private boolean force;

  @Mixin private ThreadsOption threads = new ThreadsOption();

  @Override
  OutputPlan files() {
    return new OutputPlan()
        .reads("--model", model)
        .reads("--data", data)
        .writes("--output", output);
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    if (context < LEAST_CONTEXT) {
      throw new picocli.CommandLine.ParameterException(
          spec.commandLine(), "--context must be at least " + LEAST_CONTEXT + ", is " + context);
    }
    ProgressLine line = ProgressLine.of(spec);
    ImportanceMatrix matrix;
    try {
      matrix =
          ImportanceCollector.collect(
              model,
              data,
              context,
              threads.count(),
              (chunk, chunks) -> line.update("piece %s of %s".formatted(chunk + 1, chunks)));
    } finally {
      line.clear();
    }
    matrix.write(output);
    line.println(
        "%s: %s matrices, measured on %s tokens of %s"
            .formatted(
                output,
                matrix.entries().size(),
                Words.count((long) matrix.chunks() * matrix.chunkSize()),
                data));
    return 0;
  }
}

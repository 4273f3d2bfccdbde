package io.lorikeet.cli;

import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.ModelQuantizer;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.quant.convert.ModelConverter;
import io.lorikeet.train.settings.ProcessorCores;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `lorikeet convert`.
@Command(
    name = "convert",
    description = "Make a GGUF model of a Hugging Face folder, as llama.cpp's converter does.")
@Inputs(
    value = {"--model", "--output"},
    needed = 2)
final class ConvertCommand extends WritingCommand {

  @Option(
      names = "--model",
      paramLabel = "FOLDER",
      description = "folder with config.json, the tokenizer's files and safetensors")
  private Path folder;

  @Option(names = "--output", paramLabel = "FILE", description = "GGUF file to write")
  private Path output;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description =
          "F32, F16, BF16, Q8_0 or any type of 'lorikeet quantize', such as Q4_K_M (default: BF16"
              + " where the weights are, else F16)")
  private Optional<String> type = Optional.empty();

  @Option(names = "--force", description = "replace the output, if it exists")
  private boolean force;

  @Option(
      names = "--threads",
      paramLabel = "N",
      converter = NumberOptions.Threads.class,
      description = "CPU threads to quantize with (default: the physical cores)")
  private int threads = ProcessorCores.physical();

  @Override
  OutputPlan files() {
    return new OutputPlan().reads("--model", folder).writes("--output", output);
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    type.ifPresent(ModelQuantizer::recipe);
    ProgressLine line = ProgressLine.of(spec);
    List<String> notes;
    try {
      notes =
          ModelConverter.convert(
              folder,
              output,
              type,
              threads,
              progress ->
                  line.update(
                      "%s of %s  %s"
                          .formatted(
                              Words.bytes(progress.written()),
                              Words.bytes(progress.total()),
                              progress.tensor())));
    } finally {
      line.clear();
    }
    notes.forEach(note -> line.println("note: " + note));
    line.println("%s: %s".formatted(output, Words.bytes(Files.size(output))));
    return 0;
  }
}

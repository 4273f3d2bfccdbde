package io.lorikeet.cli;

import io.lorikeet.quant.ModelQuantizer;
import io.lorikeet.train.ProcessorCores;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `lorikeet quantize`.
@Command(
    name = "quantize",
    description = "Quantize an F32, F16 or BF16 model, exactly as llama-quantize does.")
final class QuantizeCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "IN", description = "GGUF file to read")
  private Path input;

  @Parameters(paramLabel = "OUT", description = "GGUF file to write")
  private Path output;

  @Option(
      names = "--type",
      required = true,
      paramLabel = "TYPE",
      description = "llama.cpp's name of the type, such as Q4_0, Q4_K_M or IQ4_XS")
  private String type;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "CPU threads (default: the physical cores)")
  private int threads = ProcessorCores.physical();

  @Override
  public Integer call() throws IOException {
    Flags.requireThreads(spec, threads);
    ModelQuantizer.quantize(input, output, type, threads);
    spec.commandLine()
        .getOut()
        .println(
            "%s: %s, from %s of %s"
                .formatted(
                    output,
                    Words.bytes(Files.size(output)),
                    Words.bytes(Files.size(input)),
                    input));
    return 0;
  }
}

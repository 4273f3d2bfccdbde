package io.lorikeet.cli;

import io.lorikeet.finetune.serving.LlamaServer;
import io.lorikeet.finetune.serving.ServingProgram;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.TemporaryFiles;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `lorikeet serve`.
@Command(
    name = "serve",
    description = {
      "Start llama-server with an adapter, its base and the chat template it was trained with, on this machine alone.",
      "Tells the address when the server is ready. Ctrl-C ends both."
    })
@Inputs(value = "--adapter", needed = 0)
final class ServeCommand implements Callable<Integer> {
  private static final int SHOWN_LINES = 5;
  private static final double MILLISECONDS = 1e3;
  private static final int PAUSE = 100;

  @Spec private CommandSpec spec;

  @Mixin private ServedOption served = new ServedOption();

  @Option(
      names = "--server",
      paramLabel = "FILE",
      description = "the llama-server to start (default: the one on the PATH)")
  private Optional<Path> server = Optional.empty();

  @Option(
      names = "--port",
      paramLabel = "N",
      converter = NumberOptions.Port.class,
      description = "port of 127.0.0.1 (default: ${DEFAULT-VALUE})")
  private int port = 8080;

  @Option(
      names = "--force",
      description = "take an adapter that was trained on another base, if its shapes fit")
  private boolean force;

  @Override
  public Integer call() throws IOException {
    List<String> command = new ArrayList<>(List.of(program().toAbsolutePath().toString()));
    served.prepare(force);
    command.addAll(ServingText.arguments(served.base(), served.adapter()));
    command.addAll(List.of("--host", "127.0.0.1", "--port", Integer.toString(port)));
    ProgressLine line = ProgressLine.of(spec);
    Path log = Files.createTempFile("lorikeet-serve", ".log");
    TemporaryFiles.add(log);
    try {
      Process process = ServingProgram.start(command, log);
      Runtime.getRuntime().addShutdownHook(new Thread(process::destroy));
      await(process, line);
      if (process.isAlive()) {
        line.println("%s is served: http://127.0.0.1:%s".formatted(served.name(), port));
      }
      int code = process.waitFor();
      line.clear();
      throw new IOException("llama-server ended with %s: %s".formatted(code, lastLines(log)));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while llama-server ran");
    } finally {
      Files.deleteIfExists(log);
      TemporaryFiles.remove(log);
    }
  }

  private Path program() {
    if (server.isEmpty()) {
      return ServingProgram.onPath("llama-server")
          .orElseThrow(
              () ->
                  new InvalidInputException(
                      "there is no llama-server on the PATH. Install llama.cpp, or name the program with --server"));
    }
    if (!Files.isExecutable(server.get()) || Files.isDirectory(server.get())) {
      throw new InvalidInputException("--server: %s is no program".formatted(server.get()));
    }
    return server.get();
  }

  /// Waits until the server answers, or has ended.
  private void await(Process process, ProgressLine line) throws InterruptedException {
    long start = System.currentTimeMillis();
    try (LlamaServer asked = new LlamaServer(Integer.toString(port))) {
      while (!process.waitFor(PAUSE, TimeUnit.MILLISECONDS) && !asked.isReady()) {
        double seconds = (System.currentTimeMillis() - start) / MILLISECONDS;
        line.update("llama-server loads the model: " + Words.duration(seconds));
      }
    }
    line.clear();
  }

  /// The end of what a program has printed.
  static String lastLines(Path log) throws IOException {
    List<String> lines =
        new String(Files.readAllBytes(log), StandardCharsets.UTF_8).lines().toList();
    return String.join("\n", lines.subList(Math.max(0, lines.size() - SHOWN_LINES), lines.size()));
  }
}

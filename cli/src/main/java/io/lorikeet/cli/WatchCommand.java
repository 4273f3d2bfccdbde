package io.lorikeet.cli;

import io.lorikeet.finetune.report.LiveServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `lorikeet watch`.
@Command(
    name = "watch",
    description = {
      "Show the report of a run, or of all runs in a folder, to a browser on this machine.",
      "Changes are shown as they come. Ctrl-C ends it; the run goes on."
    })
@Inputs(value = "--run", needed = 0)
final class WatchCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--run",
      paramLabel = "RUN|DIR",
      description = "a run's folder, or one with runs in it (default: this one)")
  private Path run = Path.of("");

  @Option(
      names = "--port",
      paramLabel = "N",
      converter = NumberOptions.Port.class,
      description = "port of 127.0.0.1 (default: any that is free)")
  private int port;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    try (LiveServer server = new LiveServer(run, port)) {
      out.println("open " + server.address());
      out.flush();
      new CountDownLatch(1).await(); // until the process is ended
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    return 0;
  }
}

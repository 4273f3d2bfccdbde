package io.lorikeet.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// Runs a command in this process, and counts the sockets that the process has open: before it, all
/// the time while it runs, and after it. The last count has one opened on purpose, to show that it
/// would be seen.
final class SocketCount {
  private static volatile boolean over;
  private static int most;
  private static int looks;

  private SocketCount() {}

  public static void main(String[] args) throws Exception {
    // When the JDK loads its library for networks, as mapping a file does, that opens sockets for a
    // moment to learn which protocols there are. Here it does so now, and keeps one of its own.
    DatagramChannel.open().close();
    int before = sockets();
    Thread watcher = Thread.ofPlatform().start(SocketCount::watch);
    int exitCode = Main.run(new PrintWriter(System.out), new PrintWriter(System.err), args);
    over = true;
    watcher.join();
    most = Math.max(most, sockets());
    int with;
    try (DatagramChannel _ = DatagramChannel.open()) {
      with = sockets();
    }
    System.out.printf(
        "looked %d times at what is open, of them sockets beside %d of the JDK's: %d, with a channel %d%n",
        looks, before, most - before, with - before);
    System.exit(exitCode);
  }

  private static void watch() {
    while (!over) {
      most = Math.max(most, sockets());
      looks++;
      try {
        Thread.sleep(1);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static int sockets() {
    List<Path> open;
    try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
      open = links.toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    int count = 0;
    for (Path link : open) {
      try {
        count += Files.readSymbolicLink(link).toString().startsWith("socket:") ? 1 : 0;
      } catch (IOException _) {
        // closed since it was listed
      }
    }
    return count;
  }
}

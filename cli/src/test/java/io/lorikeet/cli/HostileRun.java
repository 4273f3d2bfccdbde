package io.lorikeet.cli;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomFamily;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// Gives hostile files to every command, many in one process; a process that dies or hangs is
/// replaced, and what it was doing is named. `bench/hostile` runs it:
///
///     FOLDER COUNT SEED BASE...    COUNT mutants of the bases and of a mixture of experts in turn
///     FOLDER FILES BASE            each GGUF file in the folder FILES, made of BASE
public final class HostileRun {
  private static final int PROCESSES = Integer.getInteger("lorikeet.hostile.processes", 2);

  /// Seconds without a sign of life after which a process counts as hanging.
  private static final long PATIENCE = 600;

  private HostileRun() {}

  /// Where a process is, in a file that survives it: number of the file, number of the command.
  private record Place(int file, int command) {
    static Place read(Path path) throws IOException {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.BIG_ENDIAN);
      return new Place(bytes.getInt(), bytes.getInt());
    }
  }

  public static void main(String[] args) throws Exception {
    if (args[0].equals("worker")) {
      work(Path.of(args[1]), List.of(args).subList(2, args.length));
      return;
    }
    Path folder = Files.createDirectories(Path.of(args[0]));
    List<String> source = new ArrayList<>(List.of(args).subList(1, args.length));
    if (!Files.isDirectory(Path.of(args[1]))) {
      source.add(experts(folder.resolve("experts.gguf")).toString());
    }
    long start = System.nanoTime();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < PROCESSES; i++) {
      Path own = Files.createDirectories(folder.resolve("process-" + i));
      int first = i;
      threads.add(Thread.ofPlatform().start(() -> supervise(own, first, source)));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    report(folder, start);
  }

  /// A small mixture of experts that isn't quantized yet.
  static Path experts(Path file) throws IOException {
    return new RandomFamily("qwen3moe", TensorType.F16)
        .put("expert_count", 8)
        .put("expert_used_count", 3)
        .put("expert_feed_forward_length", 96)
        .write(file);
  }

  /// Starts processes until one has come to the end.
  private static void supervise(Path folder, int first, List<String> source) {
    try {
      Path place = folder.resolve("place");
      Files.write(place, ByteBuffer.allocate(8).putInt(first).putInt(0).array());
      while (true) {
        Process process = start(folder, source);
        while (!process.waitFor(5, TimeUnit.SECONDS)) {
          long idle = System.currentTimeMillis() - Files.getLastModifiedTime(place).toMillis();
          if (idle > PATIENCE * 1000) {
            process.destroyForcibly();
          }
        }
        if (process.exitValue() == 0) {
          return;
        }
        if (Files.notExists(folder.resolve("hostile.gguf"))) {
          throw new IllegalStateException(
              "no good base could be trained, see " + folder.resolve("output.log"));
        }
        Place at = Place.read(place);
        String command = HostileCommands.names().get(at.command);
        Path kept = folder.resolve("died-%s-%s.gguf".formatted(at.file, command.replace(" ", "")));
        Files.copy(folder.resolve("hostile.gguf"), kept);
        say(
            folder,
            "FINDING file %d, %s: the process ends with %d; the file is kept as %s"
                .formatted(at.file, command, process.exitValue(), kept));
        int next = at.command + 1;
        boolean done = next == HostileCommands.names().size();
        Files.write(
            place,
            ByteBuffer.allocate(8)
                .putInt(done ? at.file + PROCESSES : at.file)
                .putInt(done ? 0 : next)
                .array());
      }
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Process start(Path folder, List<String> source) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-Xmx700m",
            "-Xss2m",
            "-XX:+UseSerialGC",
            "-XX:ErrorFile=" + folder.resolve("hs_err.log"),
            "-Dlorikeet.home=" + System.getProperty("lorikeet.home"),
            "-Dlorikeet.hostile.processes=" + PROCESSES,
            "-cp",
            System.getProperty("java.class.path"),
            HostileRun.class.getName(),
            "worker",
            folder.toString()));
    command.addAll(source);
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("output.log").toFile()))
        .start();
  }

  /// In a process of its own: files from its place on.
  private static void work(Path folder, List<String> args) throws IOException {
    Path file = folder.resolve("hostile.gguf");
    Source source = Source.of(args);
    try (RandomAccessFile place = new RandomAccessFile(folder.resolve("place").toFile(), "rw")) {
      int number = place.readInt();
      int command = place.readInt();
      List<HostileCommands> commands = new ArrayList<>();
      for (Path base : source.bases()) {
        commands.add(new HostileCommands(folder.resolve("base-" + commands.size())));
        commands.getLast().train(base);
        place.seek(0);
        place.writeInt(number); // a sign of life
      }
      while (number < source.count()) {
        Files.write(file, source.file(number));
        for (; command < HostileCommands.names().size(); command++) {
          place.seek(0);
          place.writeInt(number);
          place.writeInt(command);
          String name = HostileCommands.names().get(command);
          HostileCommands.Outcome outcome =
              commands.get(number % source.bases().size()).judge(name, file);
          say(folder, "exit %d %s".formatted(outcome.exitCode(), name));
          if (outcome.finding().isPresent()) {
            say(
                folder,
                "FINDING file %d (%s), %s: %s"
                    .formatted(number, source.name(number), name, outcome.finding().get()));
          }
        }
        command = 0;
        number += PROCESSES;
      }
    }
  }

  /// The hostile files.
  ///
  /// @param bases good files
  /// @param files hostile ones; none for mutants
  private record Source(List<Path> bases, List<Path> files, int count, long seed) {
    static Source of(List<String> args) throws IOException {
      Path folder = Path.of(args.get(0));
      if (Files.isDirectory(folder)) {
        try (Stream<Path> files = Files.list(folder)) {
          List<Path> sorted = files.filter(f -> f.toString().endsWith(".gguf")).sorted().toList();
          return new Source(List.of(Path.of(args.get(1))), sorted, sorted.size(), 0);
        }
      }
      List<Path> bases = args.subList(2, args.size()).stream().map(Path::of).toList();
      return new Source(
          bases, List.of(), Integer.parseInt(args.get(0)), Long.parseLong(args.get(1)));
    }

    byte[] file(int number) throws IOException {
      if (!files.isEmpty()) {
        return Files.readAllBytes(files.get(number));
      }
      byte[] base = Files.readAllBytes(bases.get(number % bases.size()));
      return new HostileGguf(base).mutant(new SplittableRandom(seed + number));
    }

    String name(int number) {
      return files.isEmpty()
          ? bases.get(number % bases.size()).getFileName().toString()
          : files.get(number).getFileName().toString();
    }
  }

  private static void say(Path folder, String line) throws IOException {
    Files.writeString(
        folder.resolve("outcomes.log"),
        line.strip() + "\n",
        StandardCharsets.UTF_8,
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }

  private static void report(Path folder, long start) throws IOException {
    Map<String, Integer> exits = new TreeMap<>();
    int findings = 0;
    for (int i = 0; i < PROCESSES; i++) {
      Path log = folder.resolve("process-" + i).resolve("outcomes.log");
      for (String line : Files.readAllLines(log)) {
        if (line.startsWith("exit ")) {
          exits.merge(line, 1, Integer::sum);
        } else if (line.startsWith("FINDING ")) {
          findings++;
          System.out.println(line);
        }
      }
    }
    exits.forEach((exit, count) -> System.out.println(exit + ": " + count));
    System.out.printf(
        "%d findings, %d seconds%n", findings, (System.nanoTime() - start) / 1_000_000_000);
    System.exit(findings == 0 ? 0 : 1);
  }
}

package io.lorikeet.finetune.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// The load of a machine's processors by other work than this process during some time, as shares
/// of all of their time (`/proc/stat`, see proc(5)).
///
/// @param others share that other processes and the system took
/// @param stolen share that went to other machines on the same hardware
public record MachineLoad(double others, double stolen) {
  private static final Path STATISTICS = Path.of("/proc/stat");
  private static final double TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux
  private static final double BUSY = 0.05;

  // Columns of the line "cpu".
  private static final List<Integer> RUNNING = List.of(0, 1, 2, 5, 6); // user to system, interrupts
  private static final int STOLEN = 7;

  /// The processors' time since the machine started, and this process's of it.
  ///
  /// @param ticks columns of the line `cpu`
  /// @param own this process's seconds
  record Reading(List<Long> ticks, double own) {

    /// The time now, or nothing where the system doesn't tell it.
    static Optional<Reading> now() {
      Optional<Duration> own = ProcessHandle.current().info().totalCpuDuration();
      if (own.isEmpty() || !Files.isReadable(STATISTICS)) {
        return Optional.empty();
      }
      try {
        return parse(Files.readAllLines(STATISTICS).getFirst(), own.get().toMillis() / 1e3);
      } catch (IOException _) {
        return Optional.empty();
      }
    }

    static Optional<Reading> parse(String line, double own) {
      String[] words = line.strip().split("\\s+");
      return words[0].equals("cpu") && words.length > STOLEN + 1
          ? Optional.of(
              new Reading(
                  List.of(words).subList(1, STOLEN + 2).stream().map(Long::valueOf).toList(), own))
          : Optional.empty();
    }

    MachineLoad until(Reading later) {
      double all = 0;
      double running = 0;
      for (int i = 0; i <= STOLEN; i++) {
        double seconds = (later.ticks.get(i) - ticks.get(i)) / TICKS_PER_SECOND;
        all += seconds;
        running += RUNNING.contains(i) ? seconds : 0;
      }
      double stolen = (later.ticks.get(STOLEN) - ticks.get(STOLEN)) / TICKS_PER_SECOND;
      all = Math.max(all, 1 / TICKS_PER_SECOND);
      return new MachineLoad(Math.max(0, running - (later.own - own)) / all, stolen / all);
    }
  }

  /// A warning where the figures can't be trusted because of what else the machine did.
  public Optional<String> warning() {
    return others + stolen < BUSY
        ? Optional.empty()
        : Optional.of(
            String.format(
                Locale.ROOT,
                "warning: the machine was busy: other processes took %.0f %% of its processors' time,"
                    + " other machines %.0f %%. Speeds are too low; ratios suffer less.",
                100 * others,
                100 * stolen));
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("other_processes", others);
    json.put("stolen", stolen);
    return json;
  }
}

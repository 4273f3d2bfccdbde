package io.lorikeet.finetune.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/// Times of several computations that ran in turns, each once in every round. Other work that lasts
/// longer than a round slows all of them, so their ratios within a round are steadier than their
/// speeds.
///
/// @param seconds by the name of the computation, one for each round
/// @param load other work of the machine meanwhile, where the system reports it
public record Rounds(Map<String, List<Double>> seconds, Optional<MachineLoad> load) {
  private static final int WARM_UPS = 12;
  private static final long WARM_UP_NANOSECONDS = 8_000_000_000L;
  private static final int LONGEST_REST = 30;
  private static final long REST_MILLISECONDS = 30;

  /// Runs what has been warmed up.
  ///
  /// @param progress told what runs
  static Rounds of(int rounds, Map<String, Runnable> work, Consumer<String> progress) {
    Map<String, List<Double>> seconds = new LinkedHashMap<>();
    Optional<MachineLoad.Reading> start = MachineLoad.Reading.now();
    for (int i = 1; i <= rounds; i++) {
      String round = "round %s of %s: ".formatted(i, rounds);
      work.forEach(
          (name, runnable) -> {
            progress.accept(round + name);
            rest();
            long from = System.nanoTime();
            runnable.run();
            double taken = (System.nanoTime() - from) / 1e9;
            seconds.computeIfAbsent(name, _ -> new ArrayList<>()).add(taken);
          });
    }
    Optional<MachineLoad.Reading> end = MachineLoad.Reading.now();
    return new Rounds(seconds, start.flatMap(from -> end.map(from::until)));
  }

  /// Runs something often enough for Java to have compiled what runs most, or else long enough.
  static void warmUp(Runnable work) {
    long start = System.nanoTime();
    for (int i = 0; i < WARM_UPS && System.nanoTime() - start < WARM_UP_NANOSECONDS; i++) {
      work.run();
    }
  }

  /// Waits until no other thread of this process computes: ggml's look for work for a while after a
  /// graph, on the processors that the next measurement needs, and Java's compile.
  private static void rest() {
    try {
      for (int i = 0; i < LONGEST_REST; i++) {
        Optional<Duration> before = ProcessHandle.current().info().totalCpuDuration();
        Thread.sleep(REST_MILLISECONDS);
        if (before.equals(ProcessHandle.current().info().totalCpuDuration())) {
          return;
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /// The time that something took in each round.
  ///
  /// @throws IllegalArgumentException when nothing of that name ran
  List<Double> seconds(String name) {
    List<Double> all = seconds.get(name);
    if (all == null) {
      throw new IllegalArgumentException("nothing called '" + name + "' ran");
    }
    return all;
  }

  /// How often more of something was done per second in each round.
  ///
  /// @param amount done each time it ran, such as tokens
  Quartiles perSecond(String name, double amount) {
    return Quartiles.of(seconds(name).stream().map(time -> amount / time).toList());
  }

  /// Each round's speed of one thing as a share of another's.
  List<Double> ratios(String name, String other) {
    return ratios(seconds(name), seconds(other));
  }

  static List<Double> ratios(List<Double> seconds, List<Double> others) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < seconds.size(); i++) {
      ratios.add(others.get(i) / seconds.get(i));
    }
    return ratios;
  }
}

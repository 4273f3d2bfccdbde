package io.lorikeet.finetune.bench;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Profile;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;

/// Where the time of a training step goes.
///
/// @param seconds of the step
/// @param parts seconds of each part, in the order of a step
/// @param operations seconds of each operation of all graphs, computed one at a time, the longest
///     first
public record Breakdown(double seconds, Map<String, Double> parts, Map<String, Double> operations) {
  private static final int REPETITIONS = 5;
  private static final long ENOUGH_NANOSECONDS = 8_000_000_000L;
  private static final String REST = "Java, transfers";
  private static final String OPTIMIZER = "optimizer";

  /// How the names of parts begin, in the order that they are shown in. Parts of layers that begin
  /// alike are in the order of their names.
  private static final List<String> ORDER =
      List.of(
          "forward: embedding",
          "forward: ",
          "head and loss",
          "recomputed: ",
          "backward: embedding",
          "backward: ",
          "saved states",
          OPTIMIZER,
          REST);

  /// Runs a step some times to time its graphs, of which the median counts, and once to time their
  /// operations. A graph's time is divided among its parts as that of its operations is.
  static Breakdown of(Backend backend, Runnable step) {
    Profile graphs = medianOfGraphs(backend, step);
    Profile operations = Profile.ofOperations(backend, step);
    Map<String, Long> whole = new TreeMap<>();
    operations.nanoseconds().forEach((entry, time) -> whole.merge(entry.graph(), time, Long::sum));
    Map<String, Double> byPart = new TreeMap<>();
    Map<String, Double> byOperation = new TreeMap<>();
    operations
        .nanoseconds()
        .forEach(
            (entry, time) -> {
              long graph =
                  graphs
                      .nanoseconds()
                      .getOrDefault(new Profile.ProfileEntry(entry.graph(), "", ""), 0L);
              long all = Objects.requireNonNull(whole.get(entry.graph()), "summed up above");
              double seconds = 1e-9 * graph * time / all;
              byPart.merge(part(entry), seconds, Double::sum);
              byOperation.merge(entry.operation(), seconds, Double::sum);
            });
    long computing = graphs.nanoseconds().values().stream().mapToLong(Long::longValue).sum();
    byPart.put(REST, 1e-9 * (graphs.total() - computing));
    Map<String, Double> parts = new LinkedHashMap<>();
    byPart.entrySet().stream()
        .sorted(Comparator.comparingInt(part -> place(part.getKey())))
        .forEach(part -> parts.put(part.getKey(), part.getValue()));
    Map<String, Double> longest = new LinkedHashMap<>();
    byOperation.entrySet().stream()
        .sorted(Map.Entry.<String, Double>comparingByValue(Comparator.reverseOrder()))
        .forEach(entry -> longest.put(entry.getKey(), entry.getValue()));
    return new Breakdown(1e-9 * graphs.total(), parts, longest);
  }

  private static Profile medianOfGraphs(Backend backend, Runnable step) {
    List<Profile> profiles = new ArrayList<>();
    long nanoseconds = 0;
    while (profiles.size() < REPETITIONS && nanoseconds < ENOUGH_NANOSECONDS) {
      profiles.add(Profile.ofGraphs(backend, step));
      nanoseconds += profiles.getLast().total();
    }
    profiles.sort(Comparator.comparingLong(Profile::total));
    return profiles.get(profiles.size() / 2);
  }

  /// Where in [#ORDER] a part stands.
  private static int place(String part) {
    return IntStream.range(0, ORDER.size())
        .filter(i -> part.startsWith(ORDER.get(i)))
        .findFirst()
        .orElseThrow();
  }

  private static String part(Profile.ProfileEntry entry) {
    String graph = entry.graph();
    if (graph.startsWith("forward of layer")) {
      return "forward: " + entry.part();
    }
    if (graph.startsWith("backward of layer")) {
      return entry.part();
    }
    return switch (graph) {
      case "embedding" -> "forward: embedding";
      case "backward of the embedding" -> "backward: embedding";
      case "saving a state", "bringing back a state" -> "saved states";
      default -> graph.startsWith("the head") ? "head and loss" : OPTIMIZER;
    };
  }
}

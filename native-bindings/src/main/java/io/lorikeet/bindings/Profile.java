package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongFunction;

/// Where the time of a backend's graphs goes.
public final class Profile {
  private final boolean byOperation;

  /// Summed only when asked for: doing so in between would take a good part of what is measured.
  private final List<Timed> timed = new ArrayList<>();

  private long total;

  /// The measured work.
  ///
  /// @param graph the name of the graph, or of other work of the device
  /// @param part the name given to [Ops#part], or empty for a whole graph
  /// @param operation ggml's name of the operation, or our own; empty for a whole graph
  public record ProfileEntry(String graph, String part, String operation)
      implements Comparable<ProfileEntry> {
    private static final Comparator<ProfileEntry> ORDER =
        Comparator.comparing(ProfileEntry::graph)
            .thenComparing(ProfileEntry::part)
            .thenComparing(ProfileEntry::operation);

    @Override
    public int compareTo(ProfileEntry other) {
      return ORDER.compare(this, other);
    }
  }

  private record Timed(ProfileEntry entry, long nanoseconds) {}

  private Profile(boolean byOperation) {
    this.byOperation = byOperation;
  }

  /// Runs `work` and collects the time of each graph it computes on `backend`.
  public static Profile ofGraphs(Backend backend, Runnable work) {
    return new Profile(false).collect(backend, work);
  }

  /// Runs `work` and collects the time of each operation. They are computed one at a time, each
  /// waited for, which takes longer than usual.
  public static Profile ofOperations(Backend backend, Runnable work) {
    return new Profile(true).collect(backend, work);
  }

  private Profile collect(Backend backend, Runnable work) {
    backend.finish();
    backend.setProfile(Optional.of(this));
    long start = System.nanoTime();
    try {
      work.run();
      backend.finish();
    } finally {
      total = System.nanoTime() - start;
      backend.setProfile(Optional.empty());
    }
    return this;
  }

  /// Nanoseconds of all the work, whatever it did besides computing graphs.
  public long total() {
    return total;
  }

  /// Nanoseconds that computing graphs took.
  public Map<ProfileEntry, Long> nanoseconds() {
    Map<ProfileEntry, Long> sums = new TreeMap<>();
    timed.forEach(each -> sums.merge(each.entry(), each.nanoseconds(), Long::sum));
    return sums;
  }

  /// Computes a graph, and waits for its end.
  ///
  /// @param parts names parts of the graph, by the addresses of their results
  /// @return ggml's status
  int compute(String name, Backend backend, GraphRun run, LongFunction<String> parts) {
    backend.finish();
    if (byOperation) {
      return computeEach(name, run, parts);
    }
    long start = System.nanoTime();
    int status = run.compute();
    backend.finish();
    timed.add(new Timed(new ProfileEntry(name, "", ""), System.nanoTime() - start));
    return status;
  }

  /// Does work of the device that isn't a graph.
  void run(String name, String operation, Backend backend, Runnable work) {
    backend.finish();
    long start = System.nanoTime();
    work.run();
    backend.finish();
    ProfileEntry entry = new ProfileEntry(name, "", byOperation ? operation : "");
    timed.add(new Timed(entry, System.nanoTime() - start));
  }

  /// Computes a graph's operations one after the other, up to the first that fails.
  private int computeEach(String name, GraphRun run, LongFunction<String> parts) {
    for (int i = 0; i < run.nodes(); i++) {
      MemorySegment node = run.node(i);
      long start = System.nanoTime();
      int status = run.compute(i);
      long end = System.nanoTime();
      if (status != Ggml.GGML_STATUS_SUCCESS()) {
        return status;
      }
      String part = parts.apply(node.address());
      timed.add(new Timed(new ProfileEntry(name, part, operation(node)), end - start));
    }
    return Ggml.GGML_STATUS_SUCCESS();
  }

  private static String operation(MemorySegment node) {
    String operation = Ggml.ggml_op_desc(node).getString(0);
    return operation.equals("CUSTOM") ? new Tensor(node).name() : operation;
  }
}

package io.lorikeet.train.memory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// The host's memory that this process can still take: the system's free memory, or the part of it
/// that a control group or a resource limit leaves.
///
/// @param bytes how much
/// @param limit the limit that keeps it below the system's free memory, in words; empty where there
///     is none
public record HostMemory(long bytes, Optional<String> limit) {
  private static final String MEMORY_OF_SYSTEM = "MemAvailable:";

  /// Asks Linux; empty where the system doesn't tell.
  ///
  /// @param mapped bytes of files that are mapped already and still counted as needed
  /// @param own bytes that this process takes, without those files. A control group that read the
  ///     libraries later than others isn't charged for them, until their pages come and go.
  static Optional<HostMemory> now(long mapped, long own) {
    return of(Path.of("/"), mapped, own);
  }

  /// @param root folder that holds `proc` and `sys`
  static Optional<HostMemory> of(Path root, long mapped, long own) {
    List<HostMemory> all = new ArrayList<>();
    try {
      Long system = numbers(root.resolve("proc/meminfo")).get(MEMORY_OF_SYSTEM);
      if (system != null) {
        all.add(new HostMemory(1024 * system, Optional.empty()));
      }
      addressSpace(root.resolve("proc/self"), mapped).ifPresent(all::add);
      for (String line : lines(root.resolve("proc/self/cgroup"))) {
        groups(root, line, own, all);
      }
    } catch (IOException | NumberFormatException _) {
      // the lines read until then count
    }
    return all.stream().min(Comparator.comparingLong(HostMemory::bytes));
  }

  /// RLIMIT_AS counts all that is mapped, whether it is resident or not.
  private static Optional<HostMemory> addressSpace(Path self, long mapped) throws IOException {
    Long taken = numbers(self.resolve("status")).get("VmSize:");
    for (String line : lines(self.resolve("limits"))) {
      String soft = line.replaceFirst("^Max address space\\s+", "").split("\\s+")[0];
      if (taken != null && line.startsWith("Max address space") && soft.matches("\\d+")) {
        long left = Long.parseLong(soft) - 1024 * taken + mapped;
        return Optional.of(limited(left, "the limit of this process's address space (ulimit -v)"));
      }
    }
    return Optional.empty();
  }

  /// Adds what the control group on a line of `/proc/self/cgroup` leaves, and those above it.
  private static void groups(Path root, String line, long own, List<HostMemory> all)
      throws IOException {
    String[] parts = line.split(":", 3);
    boolean second = parts[1].isEmpty();
    if (!second && !List.of(parts[1].split(",")).contains("memory")) {
      return;
    }
    for (String mount : lines(root.resolve("proc/self/mountinfo"))) {
      String[] sides = mount.split(" - ", 2);
      String[] place = sides[0].split(" ");
      boolean wanted =
          second
              ? sides[1].startsWith("cgroup2 ")
              : sides[1].startsWith("cgroup ") && sides[1].matches(".*[ ,]memory(,.*)?");
      if (wanted) {
        Path top = root.resolve(place[4].substring(1));
        // In a container the group's name may begin above what is mounted.
        String below = parts[2].startsWith(place[3]) ? parts[2].substring(place[3].length()) : "";
        Path group = top.resolve(below.replaceFirst("^/+", "")).normalize();
        for (; group != null && group.startsWith(top); group = group.getParent()) {
          (second
                  ? left(group, "memory.max", "memory.current", "", own)
                  : left(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_", own))
              .ifPresent(all::add);
        }
        return;
      }
    }
  }

  /// @param prefix of the keys in `memory.stat` that count groups below as well
  private static Optional<HostMemory> left(
      Path group, String limit, String usage, String prefix, long own) throws IOException {
    List<String> most = lines(group.resolve(limit));
    List<String> taken = lines(group.resolve(usage));
    if (most.isEmpty() || taken.isEmpty() || !most.getFirst().matches("\\d+")) {
      return Optional.empty(); // "max", or the root, which has no limit
    }
    Map<String, Long> counts = numbers(group.resolve("memory.stat"));
    // Pages of files are given back when memory is short.
    long files =
        counts.getOrDefault(prefix + "inactive_file", 0L)
            + counts.getOrDefault(prefix + "active_file", 0L);
    long left =
        Long.parseLong(most.getFirst()) - Math.max(own, Long.parseLong(taken.getFirst()) - files);
    return Optional.of(limited(left, "the limit of the control group, " + group.resolve(limit)));
  }

  private static HostMemory limited(long left, String limit) {
    return new HostMemory(Math.max(0, left), Optional.of(limit));
  }

  /// The numbers after the first word of each line.
  private static Map<String, Long> numbers(Path file) throws IOException {
    Map<String, Long> numbers = new TreeMap<>();
    for (String line : lines(file)) {
      String[] words = line.split("\\s+");
      if (words.length > 1 && words[1].matches("\\d{1,18}")) {
        numbers.put(words[0], Long.parseLong(words[1]));
      }
    }
    return numbers;
  }

  private static List<String> lines(Path file) throws IOException {
    return Files.isReadable(file) ? Files.readAllLines(file) : List.of();
  }
}

package io.lorikeet.train.memory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// This process's memory in bytes, as Linux reports it (`/proc/self/status`, see proc(5)).
///
/// @param peak the most that was ever resident (VmHWM)
/// @param resident the memory resident now (VmRSS)
/// @param anonymous of it, memory of the process's own (RssAnon)
/// @param file of it, pages of mapped files (RssFile): a base in use on the CPU, libraries
public record ProcessMemory(long peak, long resident, long anonymous, long file) {
  private static final Path STATUS = Path.of("/proc/self/status");

  /// The memory now, or nothing where the system doesn't tell.
  public static Optional<ProcessMemory> now() {
    try {
      return Files.isReadable(STATUS) ? parse(Files.readAllLines(STATUS)) : Optional.empty();
    } catch (IOException _) {
      return Optional.empty();
    }
  }

  /// @param status lines such as `VmHWM:     1234 kB`
  static Optional<ProcessMemory> parse(List<String> status) {
    Map<String, Long> bytes = new HashMap<>();
    for (String line : status) {
      String[] words = line.split("\\s+");
      if (words.length == 3 && words[2].equals("kB")) {
        bytes.put(words[0], 1024 * Long.parseLong(words[1]));
      }
    }
    List<String> keys = List.of("VmHWM:", "VmRSS:", "RssAnon:", "RssFile:");
    if (!bytes.keySet().containsAll(keys)) {
      return Optional.empty();
    }
    List<Long> values = keys.stream().map(bytes::get).toList();
    return Optional.of(
        new ProcessMemory(values.get(0), values.get(1), values.get(2), values.get(3)));
  }
}

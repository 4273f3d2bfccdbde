package io.lorikeet.train.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostMemoryTest {
  private static final String UNLIMITED = "Max address space         unlimited  unlimited  bytes";

  @TempDir private Path root;

  @BeforeEach
  void writeSystem() throws IOException {
    write("proc/meminfo", "MemTotal:       24000 kB\nMemAvailable:   20000 kB\n");
    write("proc/self/status", "Name:\tjava\nVmSize:\t  3000 kB\n");
    write("proc/self/limits", UNLIMITED + "\n");
    write("proc/self/cgroup", "");
    write(
        "proc/self/mountinfo",
        """
        24 1 0:22 / /proc rw,relatime - proc proc rw
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
        """);
  }

  @Test
  void withoutLimitsItIsWhatTheSystemHasFree() {
    assertEquals(Optional.of(new HostMemory(20_480_000, Optional.empty())), memory(0));
  }

  @Test
  void theAddressSpaceMayBeLimited() throws IOException {
    write("proc/self/limits", UNLIMITED.replaceFirst("unlimited", "8000000  "));
    assertEquals(8_000_000 - 3_072_000, memory(0).orElseThrow().bytes());
    assertTrue(memory(0).orElseThrow().limit().orElseThrow().contains("ulimit -v"));
    assertEquals(8_000_000 - 3_072_000 + 500, memory(500).orElseThrow().bytes());
    write("proc/self/limits", UNLIMITED.replaceFirst("unlimited", "1000000  "));
    assertEquals(0, memory(0).orElseThrow().bytes());
  }

  @Test
  void groupsOfTheFirstVersion() throws IOException {
    write("proc/self/cgroup", "9:cpu:/\n4:memory:/a/b\n0::/\n");
    group("sys/fs/cgroup/memory", "9223372036854771712", 900_000);
    group("sys/fs/cgroup/memory/a", "5000000", 400_000);
    group("sys/fs/cgroup/memory/a/b", "9223372036854771712", 300_000);
    write(
        "sys/fs/cgroup/memory/a/memory.stat",
        "cache 9\ntotal_inactive_file 7\ntotal_active_file 1\n");
    HostMemory memory = memory(0).orElseThrow();
    assertEquals(4_600_008, memory.bytes());
    String limit = memory.limit().orElseThrow();
    assertTrue(limit.endsWith("/sys/fs/cgroup/memory/a/memory.limit_in_bytes"), limit);
    // Pages of this process that were charged to another group may be charged to this one yet.
    assertEquals(4_300_000, HostMemory.of(root, 0, 700_000).orElseThrow().bytes());
  }

  @Test
  void groupsOfTheSecondVersion() throws IOException {
    write("proc/self/cgroup", "0::/user/job\n");
    write("sys/fs/cgroup/unified/user/job/memory.max", "max\n");
    write("sys/fs/cgroup/unified/user/job/memory.current", "100000\n");
    write("sys/fs/cgroup/unified/user/memory.max", "2000000\n");
    write("sys/fs/cgroup/unified/user/memory.current", "500000\n");
    write("sys/fs/cgroup/unified/user/memory.stat", "anon 5\ninactive_file 100\nactive_file 20\n");
    assertEquals(1_500_120, memory(0).orElseThrow().bytes());
  }

  @Test
  void aContainerSeesItsOwnGroupAsTheTop() throws IOException {
    write("proc/self/cgroup", "4:memory:/docker/0123\n");
    write(
        "proc/self/mountinfo",
        "35 31 0:32 /docker/0123 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    group("sys/fs/cgroup/memory", "3000000", 1_000_000);
    assertEquals(2_000_000, memory(0).orElseThrow().bytes());
  }

  private Optional<HostMemory> memory(long mapped) {
    return HostMemory.of(root, mapped, 0);
  }

  private void group(String folder, String limit, long usage) throws IOException {
    write(folder + "/memory.limit_in_bytes", limit + "\n");
    write(folder + "/memory.usage_in_bytes", usage + "\n");
  }

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }
}

package io.lorikeet.train.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProcessMemoryTest {

  @Test
  void readsWhatLinuxSays() {
    List<String> status =
        List.of(
            "Name:\tjava",
            "VmHWM:\t    2000 kB",
            "VmRSS:\t     1000 kB",
            "RssAnon:\t      400 kB",
            "RssFile:\t      600 kB",
            "Threads:\t9");
    assertEquals(
        Optional.of(new ProcessMemory(2048000, 1024000, 409600, 614400)),
        ProcessMemory.parse(status));
    assertEquals(Optional.empty(), ProcessMemory.parse(status.subList(0, 4)));
  }
}

package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.testkit.engine.EngineTestKit;

class NativeResourcesTest {
  private static final String KIND = "object of a test";

  @Test
  void countsWhatIsOpen() {
    NativeResources.opened(KIND);
    NativeResources.opened(KIND);
    assertEquals(2, NativeResources.live().get(KIND));
    NativeResources.closed(KIND);
    NativeResources.closed(KIND);
    assertEquals(null, NativeResources.live().get(KIND));
  }

  @Test
  void aSecondCloseIsAnError() {
    assertThrows(IllegalStateException.class, () -> NativeResources.closed("never opened"));
  }

  @Test
  void leakCheckFailsAClassThatLeavesSomethingOpen() {
    EngineTestKit.engine("junit-jupiter")
        .selectors(DiscoverySelectors.selectClass(Leaking.class))
        .execute()
        .containerEvents()
        .assertStatistics(events -> events.failed(1));
    NativeResources.closed(KIND);
  }

  @ExtendWith(LeakCheck.class)
  static class Leaking {
    @Test
    void leaves() {
      NativeResources.opened(KIND);
    }
  }
}

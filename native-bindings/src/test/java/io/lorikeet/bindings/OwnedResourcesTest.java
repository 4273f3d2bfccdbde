package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class OwnedResourcesTest {
  private final List<String> closed = new ArrayList<>();

  @Test
  void theLastIsClosedFirstAndAllOnce() {
    OwnedResources owned = new OwnedResources();
    owned.add(() -> closed.add("first"));
    owned.add(() -> closed.add("second"));
    owned.close();
    owned.close();
    assertEquals(List.of("second", "first"), closed);
  }

  @Test
  void oneThatFailsKeepsNoneOpen() {
    IllegalStateException problem = new IllegalStateException("stuck");
    IOException other = new IOException("lost");
    OwnedResources owned = new OwnedResources();
    owned.add(() -> closed.add("first"));
    owned.add(
        () -> {
          throw other;
        });
    owned.add(
        () -> {
          throw problem;
        });
    RuntimeException thrown = assertThrows(RuntimeException.class, owned::close);
    assertSame(problem, thrown);
    assertSame(other, thrown.getSuppressed()[0].getCause());
    assertEquals(List.of("first"), closed);
  }
}

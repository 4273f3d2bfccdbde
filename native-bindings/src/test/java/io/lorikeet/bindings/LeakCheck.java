package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/// Fails a test class that leaves native objects open: `@ExtendWith(LeakCheck.class)`.
public final class LeakCheck implements BeforeAllCallback, AfterAllCallback {
  private static final ExtensionContext.Namespace NAMESPACE =
      ExtensionContext.Namespace.create(LeakCheck.class);

  @Override
  public void beforeAll(ExtensionContext context) {
    context.getStore(NAMESPACE).put(context.getUniqueId(), NativeResources.live());
  }

  @Override
  public void afterAll(ExtensionContext context) {
    Map<?, ?> before = context.getStore(NAMESPACE).get(context.getUniqueId(), Map.class);
    assertEquals(
        before,
        NativeResources.live(),
        "native objects open before and after " + context.getDisplayName());
  }
}

package io.lorikeet.bindings;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/// Counts what is open of everything that owns native memory, so that tests can tell when something
/// was not closed.
///
/// Each owner calls [#opened] when its native object exists and [#closed] when it has freed it. The
/// counts belong to the process, as the native memory does; nothing but tests and diagnoses reads
/// them.
public final class NativeResources {
  private static final Map<String, Long> LIVE = new ConcurrentHashMap<>();

  private NativeResources() {}

  /// Counts one more open object of `kind`, such as `"backend buffer"`.
  public static void opened(String kind) {
    LIVE.merge(kind, 1L, Long::sum);
  }

  /// Counts one open object of `kind` less.
  ///
  /// @throws IllegalStateException when none is open: something was freed twice
  public static void closed(String kind) {
    LIVE.compute(
        kind,
        (_, open) -> {
          if (open == null) {
            throw new IllegalStateException("a " + kind + " was closed that is not open");
          }
          return open == 1 ? null : open - 1;
        });
  }

  /// The open objects by kind; kinds of which none is open are left out.
  public static Map<String, Long> live() {
    return new TreeMap<>(LIVE);
  }
}

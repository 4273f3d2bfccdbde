package io.lorikeet.bindings;

import java.nio.file.Path;
import java.util.Locale;

/// The folder of this user for files that can be made again, by the XDG base directory
/// specification and its likes.
public final class UserCache {
  private UserCache() {}

  /// The folder, which may not be there yet.
  public static Path folder() {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    Path home = Path.of(System.getProperty("user.home"));
    String given = System.getenv(system.startsWith("windows") ? "LOCALAPPDATA" : "XDG_CACHE_HOME");
    Path caches = home.resolve(system.startsWith("mac") ? "Library/Caches" : ".cache");
    return (given == null || given.isBlank() ? caches : Path.of(given)).resolve("lorikeet");
  }
}

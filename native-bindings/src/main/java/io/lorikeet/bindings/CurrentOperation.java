package io.lorikeet.bindings;

/// The native work begun last, for the line that is printed before ggml aborts the process.
///
/// One value for the process, not one per thread: ggml's own threads may be the ones that abort.
final class CurrentOperation {
  private static volatile String last = "";

  private CurrentOperation() {}

  /// Notes that `description` is being built or computed. Cheap enough for every operation: pass a
  /// string that exists already.
  static void set(String description) {
    last = description;
  }

  /// The work noted last, or the empty string.
  static String last() {
    return last;
  }
}

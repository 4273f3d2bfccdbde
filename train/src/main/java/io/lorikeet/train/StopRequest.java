package io.lorikeet.train;

/// Asks a run, from any thread, to stop after the step that is being taken.
public final class StopRequest {
  private volatile boolean made;

  public StopRequest() {}

  /// Asks. More than once is the same as once.
  public void make() {
    made = true;
  }

  boolean isMade() {
    return made;
  }
}

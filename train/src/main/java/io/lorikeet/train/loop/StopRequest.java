package io.lorikeet.train.loop;

/// Asks a run, from any thread, to stop after the step that is being taken.
public class StopRequest {
  private volatile boolean made;

  public StopRequest() {}

  /// Asks. More than once is the same as once.
  public final void make() {
    made = true;
  }

  /// Asked between steps, and within a step after each of its batches.
  public boolean isMade() {
    return made;
  }
}

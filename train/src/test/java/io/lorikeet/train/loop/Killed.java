package io.lorikeet.train.loop;

import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;

/// An end of a run that a process can't catch.
public final class Killed extends Error {
  private static final long serialVersionUID = 1L;

  /// A listener that ends a run after a step.
  public static TrainingListener after(int step) {
    return event -> {
      if (event instanceof TrainingEvent.StepDone done && done.step() == step) {
        throw new Killed();
      }
    };
  }
}

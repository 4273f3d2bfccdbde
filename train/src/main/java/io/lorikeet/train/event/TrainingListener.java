package io.lorikeet.train.event;

/// Told of a training run's events, on the thread that trains.
@FunctionalInterface
public interface TrainingListener {
  void on(TrainingEvent event);
}

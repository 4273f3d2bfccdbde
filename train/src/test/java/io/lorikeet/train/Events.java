package io.lorikeet.train;

import java.util.ArrayList;
import java.util.List;

/// Keeps what a listener was told.
public final class Events implements TrainingListener {
  private final List<TrainingEvent> events = new ArrayList<>();

  @Override
  public void on(TrainingEvent event) {
    events.add(event);
  }

  public List<String> notes() {
    return events.stream()
        .filter(TrainingEvent.Note.class::isInstance)
        .map(event -> ((TrainingEvent.Note) event).text())
        .toList();
  }

  public List<String> warnings() {
    return events.stream()
        .filter(TrainingEvent.Warning.class::isInstance)
        .map(event -> ((TrainingEvent.Warning) event).text())
        .toList();
  }
}

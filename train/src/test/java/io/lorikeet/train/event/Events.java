package io.lorikeet.train.event;

import java.util.ArrayList;
import java.util.List;

/// Keeps what a listener was told.
public final class Events implements TrainingListener {
  private final List<TrainingEvent> events = new ArrayList<>();

  @Override
  public void on(TrainingEvent event) {
    events.add(event);
  }

  public void clear() {
    events.clear();
  }

  /// The events of a kind, in their order.
  public <T extends TrainingEvent> List<T> of(Class<T> kind) {
    return events.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  public List<TrainingEvent.StepDone> steps() {
    return of(TrainingEvent.StepDone.class);
  }

  public List<String> notes() {
    return of(TrainingEvent.Note.class).stream().map(TrainingEvent.Note::text).toList();
  }

  public List<String> warnings() {
    return of(TrainingEvent.Warning.class).stream().map(TrainingEvent.Warning::text).toList();
  }
}

package io.lorikeet.train.loop;

import io.lorikeet.bindings.Beta;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.util.Optional;

/// Decides whether an adapter may be kept as the best, whatever its loss.
@Beta
public interface Judge {
  /// A hash of all that it judges by, so that a run that goes on is judged as before.
  String hash();

  /// An adapter between two steps, or after the last.
  ///
  /// @param step steps that it was trained
  /// @param config the run's settings, with all that was decided on the way
  /// @param chatTemplate the template that chats were written with; empty where there were none
  record Candidate(
      int step, LoraAdapter adapter, TrainingConfig config, Optional<ChatTemplate> chatTemplate) {}

  /// Whether it passes.
  ///
  /// @throws IOException when it can't be told
  boolean passes(Candidate candidate) throws IOException;
}

package io.lorikeet.train.run;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.train.settings.TrainingConfig;
import java.util.Optional;
import java.util.OptionalDouble;

/// The results of a training run.
///
/// @param adapter the trained adapter
/// @param best the adapter of the step with the lowest validation loss of those that pass the gate,
///     where there were validations between the steps
/// @param chatTemplate the template that chats were written with; empty where there were none
/// @param config the settings, with all that was decided on the way
/// @param steps optimizer steps done
/// @param finalLoss mean loss per target token of the last step, in nats
/// @param validationBefore validation loss of the base, where there is validation data
/// @param validationAfter validation loss with the adapter
/// @param passed whether an adapter passed the gate, if there is one: the best, or where there is
///     no best the last
/// @param tokens tokens computed in all steps, padding excluded
/// @param seconds time of all steps
public record TrainingResult(
    LoraAdapter adapter,
    Optional<Best> best,
    Optional<ChatTemplate> chatTemplate,
    TrainingConfig config,
    int steps,
    double finalLoss,
    OptionalDouble validationBefore,
    OptionalDouble validationAfter,
    boolean passed,
    long tokens,
    double seconds) {

  /// The best adapter.
  ///
  /// @param step steps that it was trained
  /// @param loss its validation loss, in nats per target token
  public record Best(LoraAdapter adapter, int step, double loss) {}
}

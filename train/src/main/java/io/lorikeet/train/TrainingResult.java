package io.lorikeet.train;

import io.lorikeet.models.lora.LoraAdapter;
import java.util.OptionalDouble;

/// What a training run ends with.
///
/// @param adapter the trained adapter
/// @param config the settings, with all that was decided on the way
/// @param steps optimizer steps taken
/// @param finalLoss mean loss per target token of the last step, in nats
/// @param validationBefore validation loss of the base, where there is validation data
/// @param validationAfter validation loss with the adapter
/// @param tokens tokens computed in all steps, padding excluded
/// @param seconds time of all steps
public record TrainingResult(
    LoraAdapter adapter,
    TrainingConfig config,
    int steps,
    double finalLoss,
    OptionalDouble validationBefore,
    OptionalDouble validationAfter,
    long tokens,
    double seconds) {}

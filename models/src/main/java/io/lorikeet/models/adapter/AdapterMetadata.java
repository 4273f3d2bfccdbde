package io.lorikeet.models.adapter;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// An adapter file's metadata about its origin.
///
/// @param base the base it was trained on
/// @param training the settings of the training run by their names, such as `learning-rate`; kept
///     in this order
/// @param template the chat template, where it was trained on chats
public record AdapterMetadata(
    BaseIdentity base, Map<String, String> training, Optional<TrainedTemplate> template) {
  /// Key among the settings of an adapter that was imported: which weights have other A, B or
  /// scales than in training, with the same product. Training on takes other steps there.
  public static final String PARAMETRIZATION = "parametrization";

  public AdapterMetadata {
    training = Collections.unmodifiableMap(new LinkedHashMap<>(training));
  }

  /// Of an adapter that wasn't trained on chats, as far as is known.
  public AdapterMetadata(BaseIdentity base, Map<String, String> training) {
    this(base, training, Optional.empty());
  }
}

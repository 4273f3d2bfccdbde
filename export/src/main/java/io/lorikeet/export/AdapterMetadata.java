package io.lorikeet.export;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/// What an adapter's file says about where it came from.
///
/// @param base the base it was trained on
/// @param training the settings of the training run by their names, such as `learning-rate`; kept
///     in this order
public record AdapterMetadata(BaseIdentity base, Map<String, String> training) {

  public AdapterMetadata {
    training = Collections.unmodifiableMap(new LinkedHashMap<>(training));
  }
}

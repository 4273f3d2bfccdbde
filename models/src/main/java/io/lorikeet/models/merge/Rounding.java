package io.lorikeet.models.merge;

/// How merged weights are rounded to their type.
public enum Rounding {
  /// As ggml quantizes: each block anew, each element to the nearest value. An update smaller than
  /// half a step is mostly lost, and blocks that get another scale are rounded a second time.
  NEAREST,
  /// On the base's own scales where the update fits them, each element up or down by a threshold of
  /// its own. Untouched elements stay as they are, and small updates survive in the sum of many
  /// elements. See [Dither]. A tensor that changes its type is rounded to the nearest.
  DITHERED
}

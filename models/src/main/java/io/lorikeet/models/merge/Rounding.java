package io.lorikeet.models.merge;

/// How merged weights are rounded to their type.
public enum Rounding {
  /// As ggml quantizes: each block anew, each element to the nearest value. An update smaller than
  /// half a step is mostly lost, and blocks that get another scale are rounded a second time.
  NEAREST,
  /// On the base's own scales where the update fits them, so that what isn't touched stays as it
  /// is, and with each element's error passed on to those after it, so that what the errors of a
  /// row do to the inputs that the adapter reads cancels out. See [ShapedRounding].
  SHAPED
}

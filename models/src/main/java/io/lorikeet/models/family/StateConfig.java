package io.lorikeet.models.family;

/// The sizes of the part that mixes a layer's tokens without attention: it carries a state along
/// the row.
public sealed interface StateConfig permits DeltaNetConfig, ShortConvolutionConfig {

  /// Tokens that its convolution reaches, the token itself included.
  int kernel();
}

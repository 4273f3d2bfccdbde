package io.lorikeet.models.family;

/// The sizes of the part that mixes a layer's tokens without attention: it carries a state along
/// the row.
public sealed interface StateConfig permits DeltaNetConfig, Mamba2Config, ShortConvolutionConfig {

  /// Tokens that its convolution reaches, the token itself included.
  int kernel();

  /// Whether its state is a matrix for each head, which is handed from one chunk of tokens to the
  /// next.
  boolean isChunked();
}

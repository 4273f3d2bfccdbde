package io.lorikeet.models.family;

/// The size of a layer's gated short convolution, whose channels are as many as a hidden state's.
///
/// @param kernel tokens that it reaches, the token itself included
public record ShortConvolutionConfig(int kernel) implements StateConfig {
  @Override
  public boolean isChunked() {
    return false;
  }
}

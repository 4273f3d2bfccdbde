package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.CausalConvolution;
import io.lorikeet.models.autodiff.Tape;

/// A short convolution between two gates (`build_shortconv_block` in llama.cpp's
/// `src/models/lfm2.cpp`).
final class ShortConvolutionMixer implements Mixer {
  private final LayerTensors tensors;
  private final CausalConvolution convolution;

  ShortConvolutionMixer(Engine engine, LayerTensors tensors) {
    this.tensors = tensors;
    convolution = tensors.convolution(engine.shape(), "shortconv.conv.weight");
  }

  @Override
  public String name() {
    return "short convolution";
  }

  @Override
  public Tensor apply(Tape tape, Tensor x) {
    int width = Math.toIntExact(x.shape().ne0());
    Tensor all = tensors.linear(tape, "shortconv.in_proj", x, 0);
    Tensor before = tape.slice(all, 0, width);
    Tensor after = tape.slice(all, width, width);
    Tensor gated = tape.multiply(before, tape.slice(all, 2 * width, width));
    Tensor mixed = tape.multiply(after, tape.convolution(gated, convolution));
    return tensors.linear(tape, "shortconv.out_proj", mixed, 0);
  }
}

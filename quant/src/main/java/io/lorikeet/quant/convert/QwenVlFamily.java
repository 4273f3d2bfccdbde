package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;

/// The text models of Qwen 2 VL, 2.5 VL and 3 VL, dense or with experts (`conversion/qwenvl.py`,
/// `conversion/qwen3vl.py`). Experts are stored together, with rows and columns swapped. The
/// part for images is left out: llama.cpp has it in a file of its own.
final class QwenVlFamily extends MixtureFamily {
  private static final int[] USUAL_SECTIONS_2 = {16, 24, 24, 0};
  private static final int[] USUAL_SECTIONS_3 = {24, 20, 20, 0};

  QwenVlFamily(String architecture, ModelFolder folder) {
    super(architecture, folder);
  }

  private boolean isOfQwen2() {
    return architecture().equals("qwen2vl");
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    writer.putInts(
        key("rope.dimension_sections"),
        rope().sections(headLength(), isOfQwen2() ? USUAL_SECTIONS_2 : USUAL_SECTIONS_3));
    if (!isOfQwen2()) {
      writer.putUint32(
          key("n_deepstack_layers"),
          config()
              .part("vision_config")
              .list("deepstack_visual_indexes")
              .map(layers -> layers.size())
              .orElse(0));
    }
  }

  @Override
  WeightRows changed(String name, WeightRows rows) {
    return name.contains(".mlp.experts.") && rows.shape().size() == 3 ? rows.transposed() : rows;
  }
}

package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;

/// The text models of Qwen 2 VL, 2.5 VL and 3 VL, dense or with experts (`conversion/qwenvl.py`,
/// `conversion/qwen3vl.py`). Published experts are stored with rows and columns swapped. The
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

  /// Folders that transformers 5 saved have experts as llama.cpp wants them.
  @Override
  WeightRows changed(String name, WeightRows rows) {
    if (!name.contains(".mlp.experts.") || rows.shape().size() != 3) {
      return rows;
    }
    String inputs = name.contains("down_proj") ? "moe_intermediate_size" : "hidden_size";
    boolean swapped = rows.shape().get(1) == config().requireSize(inputs);
    return swapped ? rows.transposed() : rows;
  }
}

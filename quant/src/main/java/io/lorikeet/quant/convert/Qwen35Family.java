package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;

/// Qwen 3.5 and 3.6, dense or with experts (`_LinearAttentionVReorderBase` and `_Qwen35MRopeMixin`
/// in `conversion/qwen.py`). Value heads are stored by key head. llama.cpp wants value head h with
/// key head h mod their number, so everything that has to do with value heads changes its order.
final class Qwen35Family extends Qwen3NextFamily {
  private static final int[] USUAL_SECTIONS = {11, 11, 10, 0};

  Qwen35Family(String architecture, ModelFolder folder) {
    super(architecture, folder);
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    writer.putInts(key("rope.dimension_sections"), rope().sections(headLength(), USUAL_SECTIONS));
  }

  @Override
  WeightRows changed(String name, WeightRows stored) {
    WeightRows rows = super.changed(name, stored);
    Net net = net();
    int length = net.headLength();
    int before = 2 * net.keyWidth();
    String part = name.replaceFirst(".*\\.linear_attn\\.", "");
    return switch (part) {
      case "in_proj_qkv.weight", "conv1d.weight" -> valueRows(rows, before, length);
      case "in_proj_z.weight" -> valueRows(rows, 0, length);
      case "in_proj_a.weight", "in_proj_b.weight" -> valueRows(rows, 0, 1);
      case "A_log", "dt_bias" -> valueColumns(rows, 1);
      case "out_proj.weight" -> valueColumns(rows, length);
      default -> rows;
    };
  }

  /// @param before rows that come before those of value heads
  /// @param length rows of a value head
  private WeightRows valueRows(WeightRows rows, int before, int length) {
    int all = before + net().valueHeads() * length;
    requireLength(rows, rows.shape().size() == 2 ? rows.rows() : 0, all);
    return rows.rowsFrom(
        all, row -> row < before ? row : before + storedAt((int) row - before, length));
  }

  private WeightRows valueColumns(WeightRows rows, int length) {
    requireLength(rows, rows.width(), net().valueHeads() * length);
    return rows.columnsFrom(column -> storedAt(column, length));
  }

  private static void requireLength(WeightRows rows, long length, int wanted) {
    if (length != wanted) {
      throw new IllegalArgumentException(
          "'%s' has the shape %s, which doesn't fit %s of the value heads"
              .formatted(rows.origin(), rows.shape(), wanted));
    }
  }

  /// Where a number of value heads is stored that stands at `index` afterwards.
  private int storedAt(int index, int length) {
    Net net = net();
    int head = index / length;
    int stored = head % net.keyHeads() * net.valuesPerKey() + head / net.keyHeads();
    return stored * length + index % length;
  }
}

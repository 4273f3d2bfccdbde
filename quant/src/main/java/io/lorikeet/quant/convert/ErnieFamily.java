package io.lorikeet.quant.convert;

import java.io.IOException;
import java.util.List;

/// ERNIE 4.5's dense models (`conversion/ernie.py`), whose older folders have one matrix for
/// queries, keys and values, and one for gate and up.
final class ErnieFamily extends ConvertedFamily {
  private static final String QKV = "self_attn.qkv_proj.weight";

  ErnieFamily(ModelFolder folder) {
    super("ernie4_5", folder);
  }

  @Override
  String usualName(String name) {
    return name.replace("ernie.", "model.");
  }

  @Override
  List<OutputTensor> outputs(String name, StoredWeights weights) {
    if (name.endsWith(QKV)) {
      WeightRows rows = weights.rows(name);
      String base = name.substring(0, name.length() - QKV.length()) + "self_attn.";
      long queries = (long) heads() * headLength();
      long keys = (long) keyValueHeads() * headLength();
      requireRows(name, rows, queries + 2 * keys);
      return List.of(
          part(base + "q_proj.weight", rows, 0, queries),
          part(base + "k_proj.weight", rows, queries, keys),
          part(base + "v_proj.weight", rows, queries + keys, keys));
    }
    return super.outputs(name, weights);
  }

  private static void requireRows(String name, WeightRows rows, long wanted) {
    if (rows.shape().size() != 2 || rows.rows() != wanted) {
      throw new IllegalArgumentException(
          "'%s' has the shape %s instead of %s rows".formatted(name, rows.shape(), wanted));
    }
  }

  private OutputTensor part(String name, WeightRows rows, long from, long count) {
    return new OutputTensor.NumberTensor(outputName(name), rows.part(from, count));
  }

  @Override
  Vocabulary vocabulary() throws IOException {
    return LlamaFamily.withConfiguredPrefix(super.vocabulary(), folder());
  }
}

package io.lorikeet.export.peft;

import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/// Where the weight of one of Hugging Face's modules lies in a base's GGUF file, or a part of it:
/// the file has some modules in several tensors, and several modules in some tensors.
///
/// @param module the module without the path to its model, such as `layers.0.self_attn.q_proj`
/// @param tensor the base's tensor, such as `blk.0.attn_q.weight`
/// @param expert which of the tensor's experts, 0 where it holds one matrix
/// @param rows outputs of the module
/// @param columns inputs of the module
/// @param rowOrder gives the row of the tensor that holds a row of the module, or -1 where another
///     tensor does
/// @param columnOrder gives the column of the tensor that holds a column of the module
record PeftPlace(
    String module,
    String tensor,
    int expert,
    int rows,
    int columns,
    IntUnaryOperator rowOrder,
    IntUnaryOperator columnOrder) {

  /// The embedding, whose pair has names and shapes of its own.
  boolean isEmbedding() {
    return module.equals("embed_tokens");
  }

  /// Whether other tensors hold rows of the module too.
  boolean isPart() {
    return IntStream.range(0, rows).anyMatch(row -> rowInFile(row) < 0);
  }

  int rowInFile(int row) {
    return rowOrder.applyAsInt(row);
  }

  int columnInFile(int column) {
    return columnOrder.applyAsInt(column);
  }
}

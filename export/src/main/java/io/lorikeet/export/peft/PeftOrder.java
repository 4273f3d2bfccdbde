package io.lorikeet.export.peft;

import java.util.function.IntUnaryOperator;

/// The orders that conversion gives to a module's rows or columns: each gives the index in the file
/// of an index in the module.
final class PeftOrder {
  static final IntUnaryOperator SAME = IntUnaryOperator.identity();

  private PeftOrder() {}

  /// All of them, from another row of the file on.
  static IntUnaryOperator from(int first, IntUnaryOperator order) {
    return index -> first + order.applyAsInt(index);
  }

  /// The module's rows from `first` on, `count` of them; the others lie elsewhere.
  static IntUnaryOperator only(int first, int count) {
    return index -> index < first || index >= first + count ? -1 : index - first;
  }

  /// RoPE turns neighbours in the file, and the two halves of a head in Hugging Face's model
  /// (`LlamaModel.permute` in llama.cpp's `conversion/llama.py`).
  static IntUnaryOperator pairs(int rows, int heads) {
    int headSize = rows / heads;
    int half = headSize / 2;
    return row -> {
      int inHead = row % headSize;
      return row - inHead + 2 * (inHead % half) + inHead / half;
    };
  }

  /// Value heads follow each other by key head in Hugging Face's models of Qwen 3.5. In the file
  /// value head h goes with key head h mod their number (`_LinearAttentionVReorderBase` in
  /// llama.cpp's `conversion/qwen.py`).
  ///
  /// @param before elements before the value heads, which stay as they are
  /// @param headSize elements of a value head
  static IntUnaryOperator valueHeads(int before, int keyHeads, int valueHeads, int headSize) {
    int ofKey = valueHeads / keyHeads;
    return index -> {
      if (index < before) {
        return index;
      }
      int head = (index - before) / headSize;
      int inFile = head % ofKey * keyHeads + head / ofKey;
      return before + inFile * headSize + (index - before) % headSize;
    };
  }
}

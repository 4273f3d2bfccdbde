package io.lorikeet.models.architecture;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// The token embeddings of a base that stay in its file: only the rows that a batch asks for are
/// brought to the device.
///
/// @param base the open file
/// @param weight `token_embd.weight` `[embedding, vocabulary]`
record EmbeddingRows(GgufFile base, GgufTensor weight) {

  private long rowBytes() {
    return weight.bytes() / weight.shape().get(1);
  }

  /// The rows of these tokens, one after the other.
  MemorySegment gather(int[] tokens, Arena arena) {
    long rowBytes = rowBytes();
    MemorySegment data = base.data(weight);
    MemorySegment rows = arena.allocate(tokens.length * rowBytes, Long.BYTES);
    for (int i = 0; i < tokens.length; i++) {
      MemorySegment.copy(data, tokens[i] * rowBytes, rows, i * rowBytes, rowBytes);
    }
    return rows;
  }
}

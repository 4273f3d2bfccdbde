package io.lorikeet.export.peft;

/// Where the weight of one of Hugging Face's modules lies in a base's GGUF file.
///
/// @param module the module without the path to its model, such as `layers.0.self_attn.q_proj`
/// @param tensor the base's tensor, such as `blk.0.attn_q.weight`
/// @param expert which of the tensor's experts, 0 where it holds one matrix
/// @param firstRow the module's first output among the tensor's: above 0 where the file has several
///     modules in one tensor
/// @param rows outputs of the module
/// @param columns inputs of the module
/// @param pairedHeads heads whose outputs have another order in the file, 0 where there are none:
///     RoPE turns neighbours in the file, and the two halves of a head in Hugging Face's model
///     (`LlamaModel.permute` in llama.cpp's `conversion/llama.py`)
record PeftPlace(
    String module,
    String tensor,
    int expert,
    int firstRow,
    int rows,
    int columns,
    int pairedHeads) {

  /// The embedding, whose pair has names and shapes of its own.
  boolean isEmbedding() {
    return module.equals("embed_tokens");
  }

  /// The file's row, from the place's first one on, that holds a row of the module.
  int rowInFile(int row) {
    if (pairedHeads == 0) {
      return row;
    }
    int headSize = rows / pairedHeads;
    int half = headSize / 2;
    int inHead = row % headSize;
    return row - inHead + 2 * (inHead % half) + inHead / half;
  }
}

package io.lorikeet.models.testing;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;

/// The numbers of a llama model that [ReferenceModel] needs.
///
/// @param layers transformer layers
/// @param width embedding length
/// @param feedForward feed-forward length
/// @param heads query heads
/// @param keyValueHeads key and value heads; a divisor of `heads`
/// @param headSize length of a head; all of it is rotated
/// @param vocabulary tokens
/// @param normEpsilon epsilon of the RMS norms
/// @param rope how queries and keys are rotated
public record ReferenceConfig(
    int layers,
    int width,
    int feedForward,
    int heads,
    int keyValueHeads,
    int headSize,
    int vocabulary,
    double normEpsilon,
    Rope rope) {

  /// The numbers of a llama model's file.
  static ReferenceConfig of(GgufFile file) {
    GgufMetadata metadata = file.metadata();
    int width = (int) metadata.requireInteger("llama.embedding_length");
    int heads = (int) metadata.requireInteger("llama.attention.head_count");
    return new ReferenceConfig(
        (int) metadata.requireInteger("llama.block_count"),
        width,
        (int) metadata.requireInteger("llama.feed_forward_length"),
        heads,
        (int) metadata.integer("llama.attention.head_count_kv").orElse(heads),
        (int) metadata.integer("llama.attention.key_length").orElse(width / heads),
        Math.toIntExact(file.tensor("token_embd.weight").orElseThrow().shape().get(1)),
        metadata.requireReal("llama.attention.layer_norm_rms_epsilon"),
        Rope.of(metadata));
  }

  /// Rotary position embedding with llama.cpp's scaling (`ggml_rope_ext` in mode NORM,
  /// `llama_context`'s constructor).
  ///
  /// @param base frequency base
  /// @param factor the context is stretched by this much; 1 for none
  /// @param yarn whether high frequencies are kept and only low ones stretched (YaRN), rather than
  ///     all (linear)
  /// @param originalContext context length before stretching; used by YaRN only
  /// @param attentionFactor multiplies the rotated queries and keys each; 1 for none
  public record Rope(
      double base, double factor, boolean yarn, int originalContext, double attentionFactor) {

    private static Rope of(GgufMetadata metadata) {
      String kind = metadata.string("llama.rope.scaling.type").orElse("linear");
      double factor = metadata.real("llama.rope.scaling.factor").orElse(1);
      long context = metadata.integer("llama.context_length").orElse(0);
      return new Rope(
          metadata.real("llama.rope.freq_base").orElse(10000),
          kind.equals("none") ? 1 : factor,
          kind.equals("yarn"),
          (int) metadata.integer("llama.rope.scaling.original_context_length").orElse(context),
          metadata.real("llama.rope.scaling.attn_factor").orElse(1));
    }
  }
}

package io.lorikeet.models.random;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/// Shapes of well-known models, to plan with before a file is there: what heads of their files say,
/// without weights or vocabulary.
public enum KnownShape {
  LLAMA_8B("Llama-3.1-8B", 32, 4096, 14336, 32, 8, 128_256),
  /// 64 layers of 5120, as Qwen's 32B, in llama's architecture.
  CLASS_32B("32B", 64, 5120, 27648, 40, 8, 152_064),
  LLAMA_70B("Llama-3.3-70B", 80, 8192, 28672, 64, 8, 128_256),
  /// 128 experts with 768 each, 8 of them for a token; heads of 128.
  QWEN3_30B_A3B("Qwen3-30B-A3B", 48, 2048, 6144, 32, 4, 151_936);

  private static final int EXPERTS = 128;
  private static final int EXPERTS_USED = 8;
  private static final int EXPERT_WIDTH = 768;
  private static final int EXPERT_HEAD = 128;

  private final String label;
  private final int layers;
  private final int width;
  private final int feedForward;
  private final int heads;
  private final int keyValueHeads;
  private final int vocabulary;

  KnownShape(
      String label,
      int layers,
      int width,
      int feedForward,
      int heads,
      int keyValueHeads,
      int vocabulary) {
    this.label = label;
    this.layers = layers;
    this.width = width;
    this.feedForward = feedForward;
    this.heads = heads;
    this.keyValueHeads = keyValueHeads;
    this.vocabulary = vocabulary;
  }

  /// The name that people use.
  @Override
  public String toString() {
    return label;
  }

  /// Writes the head of a file, which [io.lorikeet.quant.GgufFile#openHeader] reads.
  ///
  /// @param type of the matrices; with Q4_K they are mixed as in llama.cpp's Q4_K_M. The head is in
  ///     Q6_K.
  /// @return the path given
  public Path writeHead(Path path, TensorType type) throws IOException {
    GgufWriter writer = new GgufWriter();
    putMetadata(writer);
    add(writer, "token_embd.weight", type, width, vocabulary);
    for (int layer = 0; layer < layers; layer++) {
      String prefix = "blk." + layer + ".";
      if (isMixture()) {
        addMixtureLayer(writer, prefix, type, precise(type, layer % 2 == 0));
      } else {
        addLayer(writer, prefix, type, precise(type, isMorePrecise(layer)));
      }
    }
    add(writer, "output_norm.weight", TensorType.F32, width, 1);
    add(writer, "output.weight", TensorType.Q6_K, width, vocabulary);
    writer.writeHead(path);
    return path;
  }

  private boolean isMixture() {
    return this == QWEN3_30B_A3B;
  }

  private void putMetadata(GgufWriter writer) {
    String architecture = isMixture() ? "qwen3moe" : "llama";
    String prefix = architecture + ".";
    writer
        .putString("general.architecture", architecture)
        .putUint32(prefix + "block_count", layers)
        .putUint32(prefix + "context_length", isMixture() ? 40_960 : 131_072)
        .putUint32(prefix + "embedding_length", width)
        .putUint32(prefix + "feed_forward_length", feedForward)
        .putUint32(prefix + "attention.head_count", heads)
        .putUint32(prefix + "attention.head_count_kv", keyValueHeads)
        .putFloat32(prefix + "attention.layer_norm_rms_epsilon", 1e-5f)
        .putFloat32(prefix + "rope.freq_base", 500_000);
    if (isMixture()) {
      writer
          .putUint32(prefix + "attention.key_length", EXPERT_HEAD)
          .putUint32(prefix + "attention.value_length", EXPERT_HEAD)
          .putUint32(prefix + "expert_feed_forward_length", EXPERT_WIDTH)
          .putUint32(prefix + "expert_count", EXPERTS)
          .putUint32(prefix + "expert_used_count", EXPERTS_USED);
    }
  }

  /// Of Q4_K_M, as llama.cpp mixes it: half of the values' and the down projections are Q6_K.
  private static TensorType precise(TensorType type, boolean more) {
    return more && type == TensorType.Q4_K ? TensorType.Q6_K : type;
  }

  private boolean isMorePrecise(int layer) {
    int eighth = layers / 8;
    return layer < eighth || layer >= 7 * eighth || (layer - eighth) % 3 == 2;
  }

  private void addLayer(GgufWriter writer, String prefix, TensorType type, TensorType precise) {
    int keys = width / heads * keyValueHeads;
    add(writer, prefix + "attn_norm.weight", TensorType.F32, width, 1);
    add(writer, prefix + "attn_q.weight", type, width, width);
    add(writer, prefix + "attn_k.weight", type, width, keys);
    add(writer, prefix + "attn_v.weight", precise, width, keys);
    add(writer, prefix + "attn_output.weight", type, width, width);
    add(writer, prefix + "ffn_norm.weight", TensorType.F32, width, 1);
    add(writer, prefix + "ffn_gate.weight", type, width, feedForward);
    add(writer, prefix + "ffn_up.weight", type, width, feedForward);
    add(writer, prefix + "ffn_down.weight", precise, feedForward, width);
  }

  private void addMixtureLayer(
      GgufWriter writer, String prefix, TensorType type, TensorType precise) {
    int queries = heads * EXPERT_HEAD;
    int keys = keyValueHeads * EXPERT_HEAD;
    add(writer, prefix + "attn_norm.weight", TensorType.F32, width, 1);
    add(writer, prefix + "attn_q.weight", type, width, queries);
    add(writer, prefix + "attn_q_norm.weight", TensorType.F32, EXPERT_HEAD, 1);
    add(writer, prefix + "attn_k.weight", type, width, keys);
    add(writer, prefix + "attn_k_norm.weight", TensorType.F32, EXPERT_HEAD, 1);
    add(writer, prefix + "attn_v.weight", precise, width, keys);
    add(writer, prefix + "attn_output.weight", type, queries, width);
    add(writer, prefix + "ffn_norm.weight", TensorType.F32, width, 1);
    add(writer, prefix + "ffn_gate_inp.weight", TensorType.F32, width, EXPERTS);
    add(writer, prefix + "ffn_gate_exps.weight", type, width, EXPERT_WIDTH, EXPERTS);
    add(writer, prefix + "ffn_up_exps.weight", type, width, EXPERT_WIDTH, EXPERTS);
    add(writer, prefix + "ffn_down_exps.weight", precise, EXPERT_WIDTH, width, EXPERTS);
  }

  private static void add(GgufWriter writer, String name, TensorType type, int... ne) {
    writer.addTensor(name, type, Arrays.stream(ne).asLongStream().toArray(), _ -> {});
  }
}

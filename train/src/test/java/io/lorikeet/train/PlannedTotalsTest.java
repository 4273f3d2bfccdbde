package io.lorikeet.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What fits which memory, planned over heads of files of well-known shapes, all linear layers
/// adapted, batch 1. GB are 10⁹ bytes.
@ExtendWith(LeakCheck.class)
class PlannedTotalsTest {
  @TempDir private Path folder;

  /// A shape of the llama architecture.
  enum Base {
    LLAMA_8B(32, 4096, 14336, 32, 8, 128_256),
    QWEN_32B(64, 5120, 27648, 40, 8, 152_064),
    LLAMA_70B(80, 8192, 28672, 64, 8, 128_256);

    private final int layers;
    private final int width;
    private final int feedForward;
    private final int heads;
    private final int keyValueHeads;
    private final int vocabulary;

    Base(int layers, int width, int feedForward, int heads, int keyValueHeads, int vocabulary) {
      this.layers = layers;
      this.width = width;
      this.feedForward = feedForward;
      this.heads = heads;
      this.keyValueHeads = keyValueHeads;
      this.vocabulary = vocabulary;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "LLAMA_8B,  Q4_K,   32,  8GB,   4096, false",
    "LLAMA_8B,  Q4_K,   32, 24GB, 100000, false",
    "QWEN_32B,  Q4_K,   16, 24GB,   4096, false",
    "LLAMA_70B, IQ4_XS, 16, 48GB,  16384, false",
    "LLAMA_70B, IQ4_XS, 16, 24GB,   4096, true",
    "QWEN_32B,  Q4_K,   16,  3GB,   2048, true",
  })
  void fits(Base base, TensorType type, int rank, String memory, int context, boolean streamed)
      throws IOException {
    fits(writeHead(base, type), rank, memory, context, streamed);
  }

  private void fits(Path file, int rank, String memory, int context, boolean streamed)
      throws IOException {
    TrainingConfig config =
        new TrainingOptions()
            .model(file)
            .data(file)
            .output(folder.resolve("a.gguf"))
            .set(Setting.RANK, rank)
            .set(Setting.CONTEXT, context)
            .set(Setting.ACCUMULATE, 1)
            .set(Setting.THREADS, 1)
            .resolve(_ -> 131_072);
    try (GgufFile head = GgufFile.openHeader(file);
        Backend gpu = Backend.planningGpu(1)) {
      MemoryPlanner planner = new MemoryPlanner(head, config, gpu);
      Optional<MemoryPlan> plan = planner.fitting(context, MemorySettings.bytes(memory));
      assertTrue(plan.isPresent(), () -> planner.smallest(context).toString());
      assertEquals(streamed, plan.get().placement().streamed(), plan.get()::toString);
    }
  }

  /// Qwen3-30B-A3B: 128 experts, each with pairs of rank 2.
  @ParameterizedTest
  @CsvSource({"24GB, 8192, false", "10GB, 2048, true"})
  void mixtureFits(String memory, int context, boolean streamed) throws IOException {
    fits(writeMixture(), 16, memory, context, streamed);
  }

  private Path writeMixture() throws IOException {
    int width = 2048;
    int experts = 128;
    int expertWidth = 768;
    GgufWriter writer =
        new GgufWriter()
            .putString("general.architecture", "qwen3moe")
            .putUint32("qwen3moe.block_count", 48)
            .putUint32("qwen3moe.context_length", 40_960)
            .putUint32("qwen3moe.embedding_length", width)
            .putUint32("qwen3moe.feed_forward_length", 6144)
            .putUint32("qwen3moe.expert_feed_forward_length", expertWidth)
            .putUint32("qwen3moe.expert_count", experts)
            .putUint32("qwen3moe.expert_used_count", 8)
            .putUint32("qwen3moe.attention.head_count", 32)
            .putUint32("qwen3moe.attention.head_count_kv", 4)
            .putUint32("qwen3moe.attention.key_length", 128)
            .putUint32("qwen3moe.attention.value_length", 128)
            .putFloat32("qwen3moe.attention.layer_norm_rms_epsilon", 1e-6f)
            .putFloat32("qwen3moe.rope.freq_base", 1_000_000);
    add(writer, "token_embd.weight", TensorType.Q4_K, width, 151_936);
    for (int layer = 0; layer < 48; layer++) {
      String prefix = "blk." + layer + ".";
      TensorType precise = layer % 2 == 0 ? TensorType.Q6_K : TensorType.Q4_K;
      add(writer, prefix + "attn_norm.weight", TensorType.F32, width, 1);
      add(writer, prefix + "attn_q.weight", TensorType.Q4_K, width, 4096);
      add(writer, prefix + "attn_q_norm.weight", TensorType.F32, 128, 1);
      add(writer, prefix + "attn_k.weight", TensorType.Q4_K, width, 512);
      add(writer, prefix + "attn_k_norm.weight", TensorType.F32, 128, 1);
      add(writer, prefix + "attn_v.weight", precise, width, 512);
      add(writer, prefix + "attn_output.weight", TensorType.Q4_K, 4096, width);
      add(writer, prefix + "ffn_norm.weight", TensorType.F32, width, 1);
      add(writer, prefix + "ffn_gate_inp.weight", TensorType.F32, width, experts);
      add(writer, prefix + "ffn_gate_exps.weight", TensorType.Q4_K, width, expertWidth, experts);
      add(writer, prefix + "ffn_up_exps.weight", TensorType.Q4_K, width, expertWidth, experts);
      add(writer, prefix + "ffn_down_exps.weight", precise, expertWidth, width, experts);
    }
    add(writer, "output_norm.weight", TensorType.F32, width, 1);
    add(writer, "output.weight", TensorType.Q6_K, width, 151_936);
    Path file = folder.resolve("head.gguf");
    writer.writeHead(file);
    return file;
  }

  private Path writeHead(Base base, TensorType type) throws IOException {
    GgufWriter writer =
        new GgufWriter()
            .putString("general.architecture", "llama")
            .putUint32("llama.block_count", base.layers)
            .putUint32("llama.context_length", 131_072)
            .putUint32("llama.embedding_length", base.width)
            .putUint32("llama.feed_forward_length", base.feedForward)
            .putUint32("llama.attention.head_count", base.heads)
            .putUint32("llama.attention.head_count_kv", base.keyValueHeads)
            .putFloat32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .putFloat32("llama.rope.freq_base", 500_000);
    add(writer, "token_embd.weight", type, base.width, base.vocabulary);
    for (int layer = 0; layer < base.layers; layer++) {
      addLayer(writer, base, type, layer);
    }
    add(writer, "output_norm.weight", TensorType.F32, base.width, 1);
    add(writer, "output.weight", TensorType.Q6_K, base.width, base.vocabulary);
    Path file = folder.resolve("head.gguf");
    writer.writeHead(file);
    return file;
  }

  /// Of Q4_K_M, as llama.cpp mixes it: half of the values' and the down projections are Q6_K.
  private static void addLayer(GgufWriter writer, Base base, TensorType type, int layer) {
    int eighth = base.layers / 8;
    boolean more =
        type == TensorType.Q4_K
            && (layer < eighth || layer >= 7 * eighth || (layer - eighth) % 3 == 2);
    TensorType precise = more ? TensorType.Q6_K : type;
    int keys = base.width / base.heads * base.keyValueHeads;
    String prefix = "blk." + layer + ".";
    add(writer, prefix + "attn_norm.weight", TensorType.F32, base.width, 1);
    add(writer, prefix + "attn_q.weight", type, base.width, base.width);
    add(writer, prefix + "attn_k.weight", type, base.width, keys);
    add(writer, prefix + "attn_v.weight", precise, base.width, keys);
    add(writer, prefix + "attn_output.weight", type, base.width, base.width);
    add(writer, prefix + "ffn_norm.weight", TensorType.F32, base.width, 1);
    add(writer, prefix + "ffn_gate.weight", type, base.width, base.feedForward);
    add(writer, prefix + "ffn_up.weight", type, base.width, base.feedForward);
    add(writer, prefix + "ffn_down.weight", precise, base.feedForward, base.width);
  }

  private static void add(GgufWriter writer, String name, TensorType type, int... ne) {
    TensorSource none = _ -> {};
    writer.addTensor(name, type, Arrays.stream(ne).asLongStream().toArray(), none);
  }
}

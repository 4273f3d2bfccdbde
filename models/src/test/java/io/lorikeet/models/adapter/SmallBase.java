package io.lorikeet.models.adapter;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// A base of a few tensors that nothing could run, and adapters for it.
public final class SmallBase {
  public static final int EMBEDDING = 4;
  public static final int FEED_FORWARD = 6;
  public static final int VOCABULARY = 9;
  public static final String DOWN = "blk.0.ffn_down.weight";
  public static final String UP = "blk.0.ffn_up.weight";
  public static final String EMBEDDINGS = "token_embd.weight";

  private SmallBase() {}

  public static Path write(Path file) throws IOException {
    return write(file, 1);
  }

  /// @param seed bases of different seeds differ
  public static Path write(Path file, long seed) throws IOException {
    Random random = new Random(seed);
    new GgufWriter()
        .putString("general.architecture", "llama")
        .putString("general.name", "Small")
        .putStrings("tokenizer.ggml.tokens", List.of("a", "b"))
        .putUint32("tokenizer.ggml.bos_token_id", 1)
        .addTensor(
            EMBEDDINGS, new long[] {EMBEDDING, VOCABULARY}, values(random, EMBEDDING * VOCABULARY))
        .addTensor(
            "output.weight",
            new long[] {EMBEDDING, VOCABULARY},
            values(random, EMBEDDING * VOCABULARY))
        .addTensor("blk.0.ffn_norm.weight", new long[] {EMBEDDING}, values(random, EMBEDDING))
        .addTensor(
            UP, new long[] {EMBEDDING, FEED_FORWARD}, values(random, EMBEDDING * FEED_FORWARD))
        .addTensor(
            DOWN, new long[] {FEED_FORWARD, EMBEDDING}, values(random, EMBEDDING * FEED_FORWARD))
        .write(file);
    return file;
  }

  public static LoraAdapter adapter(int rank) {
    Random random = new Random(7);
    return new LoraAdapter(
        "llama",
        2f * rank,
        List.of(
            pair(random, EMBEDDINGS, VOCABULARY, EMBEDDING, rank),
            pair(random, UP, EMBEDDING, FEED_FORWARD, rank),
            pair(random, DOWN, FEED_FORWARD, EMBEDDING, rank)));
  }

  public static AdapterMetadata metadata(BaseIdentity base) {
    return new AdapterMetadata(base, Map.of("rank", "2"));
  }

  private static LoraPair pair(Random random, String name, int inputs, int outputs, int rank) {
    return new LoraPair(
        name, inputs, outputs, rank, values(random, inputs * rank), values(random, rank * outputs));
  }

  public static float[] values(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}

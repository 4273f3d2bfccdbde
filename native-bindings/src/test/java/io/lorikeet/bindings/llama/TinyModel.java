package io.lorikeet.bindings.llama;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;

/// A llama of two layers with random weights, and a SentencePiece vocabulary that spells every
/// text.
final class TinyModel {
  static final int WIDTH = 64;
  static final int VOCABULARY = 400;
  private static final int FEED_FORWARD = 96;
  private static final int LAYERS = 2;
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int BYTE = 6;
  private static final int PIECES = 259;

  private TinyModel() {}

  static Path write(Path path) throws IOException {
    NativeGguf file =
        new NativeGguf()
            .putString("general.architecture", "llama")
            .putUint32("llama.block_count", LAYERS)
            .putUint32("llama.context_length", 256)
            .putUint32("llama.embedding_length", WIDTH)
            .putUint32("llama.feed_forward_length", FEED_FORWARD)
            .putUint32("llama.attention.head_count", 4)
            .putUint32("llama.attention.head_count_kv", 2)
            .putFloat32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    putVocabulary(file);
    SplittableRandom random = new SplittableRandom(1);
    addMatrix(file, "token_embd", WIDTH, VOCABULARY, random);
    addOnes(file, "output_norm");
    for (int layer = 0; layer < LAYERS; layer++) {
      String block = "blk." + layer + ".";
      addOnes(file, block + "attn_norm");
      addMatrix(file, block + "attn_q", WIDTH, WIDTH, random);
      addMatrix(file, block + "attn_k", WIDTH, WIDTH / 2, random);
      addMatrix(file, block + "attn_v", WIDTH, WIDTH / 2, random);
      addMatrix(file, block + "attn_output", WIDTH, WIDTH, random);
      addOnes(file, block + "ffn_norm");
      addMatrix(file, block + "ffn_gate", WIDTH, FEED_FORWARD, random);
      addMatrix(file, block + "ffn_up", WIDTH, FEED_FORWARD, random);
      addMatrix(file, block + "ffn_down", FEED_FORWARD, WIDTH, random);
    }
    return file.write(path);
  }

  private static void addOnes(NativeGguf file, String name) {
    float[] ones = new float[WIDTH];
    Arrays.fill(ones, 1);
    file.addTensor(name + ".weight", new long[] {WIDTH}, ones);
  }

  private static void addMatrix(
      NativeGguf file, String name, int columns, int rows, SplittableRandom random) {
    float[] values = new float[columns * rows];
    double deviation = 1 / Math.sqrt(columns);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    file.addTensor(name + ".weight", new long[] {columns, rows}, values);
  }

  /// The three special tokens, 256 bytes, then letters and combinations of them.
  private static void putVocabulary(NativeGguf file) {
    Set<String> pieces = new LinkedHashSet<>(List.of("<unk>", "<s>", "</s>"));
    for (int i = 0; i < PIECES - 3; i++) {
      pieces.add(String.format(Locale.ROOT, "<0x%02X>", i));
    }
    pieces.addAll(List.of("\u2581", "\u2581t", "\u2581th", "\u2581the"));
    for (char c = '!'; c <= '~'; c++) {
      pieces.add(String.valueOf(c));
    }
    for (char first = 'a'; pieces.size() < VOCABULARY; first++) {
      for (char second = 'a'; second <= 'z' && pieces.size() < VOCABULARY; second++) {
        pieces.add("" + first + second);
      }
    }
    float[] scores = new float[VOCABULARY];
    int[] types = new int[VOCABULARY];
    for (int i = 0; i < VOCABULARY; i++) {
      types[i] = i == 0 ? UNKNOWN : i < 3 ? CONTROL : i < PIECES ? BYTE : NORMAL;
      scores[i] = types[i] == NORMAL ? PIECES - 1 - i : 0;
    }
    file.putString("tokenizer.ggml.model", "llama")
        .putString("tokenizer.ggml.pre", "default")
        .putStrings("tokenizer.ggml.tokens", new ArrayList<>(pieces))
        .putFloats("tokenizer.ggml.scores", scores)
        .putInts("tokenizer.ggml.token_type", types)
        .putUint32("tokenizer.ggml.bos_token_id", 1)
        .putUint32("tokenizer.ggml.eos_token_id", 2)
        .putUint32("tokenizer.ggml.unknown_token_id", 0)
        .putBool("tokenizer.ggml.add_bos_token", true)
        .putBool("tokenizer.ggml.add_eos_token", false);
  }
}

package io.lorikeet.bindings.llama;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// GGUF files of nothing but a vocabulary, for cases that [TinyModel]'s doesn't have.
public final class VocabularyFile {
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;

  private VocabularyFile() {}

  /// A SentencePiece vocabulary of `<unk>`, `<s>`, `</s>` and these pieces, the earlier ones merged
  /// first; it begins texts with `<s>`.
  public static NativeGguf sentencePiece(String... pieces) {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    tokens.addAll(List.of(pieces));
    int size = tokens.size();
    float[] scores = new float[size];
    int[] types = new int[size];
    for (int id = 0; id < size; id++) {
      scores[id] = -id;
      types[id] = id == 0 ? UNKNOWN : id < 3 ? CONTROL : NORMAL;
    }
    return new NativeGguf()
        .putString("general.architecture", "llama")
        .putString("tokenizer.ggml.model", "llama")
        .putStrings("tokenizer.ggml.tokens", tokens)
        .putFloats("tokenizer.ggml.scores", scores)
        .putInts("tokenizer.ggml.token_type", types);
  }

  /// A byte-pair vocabulary of single letters and `<|end|>`, with one merge.
  ///
  /// @param preTokenizer llama.cpp's name of the expression that splits texts
  public static NativeGguf bytePair(String preTokenizer) {
    List<String> tokens = new ArrayList<>();
    for (char letter = 'a'; letter <= 'z'; letter++) {
      tokens.add(String.valueOf(letter));
    }
    tokens.addAll(List.of("\u0120", "aa", "<|end|>"));
    int[] types = new int[tokens.size()];
    Arrays.fill(types, NORMAL);
    types[types.length - 1] = CONTROL;
    return new NativeGguf()
        .putString("general.architecture", "llama")
        .putString("tokenizer.ggml.model", "gpt2")
        .putString("tokenizer.ggml.pre", preTokenizer)
        .putStrings("tokenizer.ggml.tokens", tokens)
        .putInts("tokenizer.ggml.token_type", types)
        .putStrings("tokenizer.ggml.merges", List.of("a a"))
        .putUint32("tokenizer.ggml.eos_token_id", tokens.size() - 1);
  }
}

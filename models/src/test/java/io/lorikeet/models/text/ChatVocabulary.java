package io.lorikeet.models.text;

import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// Writes small vocabularies for chats: bases without weights.
public final class ChatVocabulary {
  /// Control tokens of both; `<|im_end|>`, `<|eot_id|>` and `</s>` end a turn.
  public static final List<String> CONTROL =
      List.of(
          "<unk>",
          "<s>",
          "</s>",
          "<|im_start|>",
          "<|im_end|>",
          "<|eot_id|>",
          "<|start_header_id|>",
          "<|end_header_id|>");

  private static final int NORMAL = 1;
  private static final int CONTROL_TYPE = 3;
  private static final int USER_DEFINED = 4;
  private static final int BYTE = 6;

  private ChatVocabulary() {}

  /// As Qwen's: bytes, merged where they are next to each other often, also line breaks; no begin
  /// token.
  public static Path bytePairs(Path file, String chatTemplate) throws IOException {
    return bytePairs(file, chatTemplate, "qwen2");
  }

  /// The same with another way to split text into words, `tokenizer.ggml.pre`.
  static Path bytePairs(Path file, String chatTemplate, String splitting) throws IOException {
    List<String> merges =
        new ArrayList<>(
            List.of(
                "Ċ Ċ", "ĊĊ Ċ", "Ġ Ġ", "t h", "th e", "Ġ the", "Ġ t", "a n", "an d", "Ġ and", "i n",
                "in g", "> Ċ", ". Ċ", "! !", "< /", "e r", "Ġ a", "o u", "y ou"));
    Set<String> tokens = new LinkedHashSet<>();
    for (int i = 0; i < 256; i++) {
      tokens.add(Character.toString(byteCharacter(i)));
    }
    merges.forEach(merge -> tokens.add(merge.replace(" ", "")));
    int normal = tokens.size();
    tokens.addAll(CONTROL);
    tokens.add("<think>");
    List<Integer> types = new ArrayList<>(Collections.nCopies(normal, NORMAL));
    types.addAll(Collections.nCopies(CONTROL.size(), CONTROL_TYPE));
    types.add(USER_DEFINED);
    GgufWriter writer =
        header(chatTemplate, tokens, types)
            .putString("tokenizer.ggml.model", "gpt2")
            .putString("tokenizer.ggml.pre", splitting)
            .putStrings("tokenizer.ggml.merges", merges)
            .putUint32("tokenizer.ggml.bos_token_id", normal + 1)
            .putUint32("tokenizer.ggml.eos_token_id", normal + 4)
            .putBool("tokenizer.ggml.add_bos_token", false);
    writer.write(file);
    return file;
  }

  /// As Llama 2's: pieces of words, a space before each text, a begin token.
  public static Path sentencePieces(Path file, String chatTemplate) throws IOException {
    Set<String> tokens = new LinkedHashSet<>(CONTROL);
    List<Integer> types = new ArrayList<>(Collections.nCopies(CONTROL.size(), CONTROL_TYPE));
    types.set(0, 2);
    for (int i = 0; i < 256; i++) {
      tokens.add(String.format(Locale.ROOT, "<0x%02X>", i));
      types.add(BYTE);
    }
    for (char c = '!'; c <= '~'; c++) {
      tokens.add(Character.toString(c));
    }
    tokens.addAll(
        List.of(
            "▁", "th", "the", "▁t", "▁th", "▁the", "an", "and", "▁a", "▁an", "▁and", "in", "ing",
            "▁▁", "▁[", "[/", "\n"));
    while (types.size() < tokens.size()) {
      types.add(NORMAL);
    }
    float[] scores = new float[tokens.size()];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = -i;
    }
    header(chatTemplate, tokens, types)
        .putString("tokenizer.ggml.model", "llama")
        .putString("tokenizer.ggml.pre", "default")
        .putFloats("tokenizer.ggml.scores", scores)
        .putUint32("tokenizer.ggml.bos_token_id", 1)
        .putUint32("tokenizer.ggml.eos_token_id", 2)
        .putUint32("tokenizer.ggml.unknown_token_id", 0)
        .putBool("tokenizer.ggml.add_bos_token", true)
        .write(file);
    return file;
  }

  private static GgufWriter header(String chatTemplate, Set<String> tokens, List<Integer> types) {
    return new GgufWriter()
        .putString("general.architecture", "llama")
        .putString("tokenizer.chat_template", chatTemplate)
        .putStrings("tokenizer.ggml.tokens", List.copyOf(tokens))
        .putInts("tokenizer.ggml.token_type", types.stream().mapToInt(type -> type).toArray());
  }

  /// The character that stands for a byte in vocabularies of byte pairs (GPT-2's
  /// `bytes_to_unicode`).
  private static int byteCharacter(int value) {
    boolean itself = value >= '!' && value <= '~' || value >= 0xa1 && value != 0xad;
    if (itself) {
      return value;
    }
    int place = 0;
    for (int i = 0; i < value; i++) {
      place += i >= '!' && i <= '~' || i >= 0xa1 && i != 0xad ? 0 : 1;
    }
    return 256 + place;
  }
}

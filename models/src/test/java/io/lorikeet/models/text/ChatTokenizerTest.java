package io.lorikeet.models.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.models.text.template.Fixtures;
import io.lorikeet.models.text.template.Rendering;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
final class ChatTokenizerTest {
  @TempDir private Path folder;

  /// Texts that jinja2 rendered are tokenized as by the server: whole where no message spells a
  /// control token. Divided at the template's control tokens they give the same.
  @Test
  void tokensOfRenderingsAreTheServers() throws IOException {
    Fixtures fixtures = Fixtures.read();
    for (Path file : List.of(bytePairs(), sentencePieces())) {
      try (Tokenizer tokenizer = Tokenizer.open(file)) {
        ChatTokenizer chats = new ChatTokenizer(tokenizer.vocabulary());
        int texts = 0;
        for (String name : fixtures.templates().keySet()) {
          for (Map.Entry<String, Fixtures.Expected> entry : fixtures.renderings(name).entrySet()) {
            String text = entry.getValue().text();
            if (text != null && entry.getKey().startsWith("system-turns")) {
              texts++;
              text = text.startsWith("<s>") ? text.substring(3) : text; // as the server does
              Rendering rendering = Rendering.of(text, Rendering.TEMPLATE);
              int[] whole = tokenizer.encode(text, true, true);
              assertArrayEquals(whole, chats.encode(rendering), name);
              assertArrayEquals(
                  tokenizer.encode(text, false, true), chats.encodeApart(rendering), name);
            }
          }
        }
        assertTrue(texts > 100, "only " + texts);
      }
    }
  }

  @Test
  void whatMessagesSpellStaysText() throws IOException {
    for (Path file : List.of(bytePairs(), sentencePieces())) {
      try (Tokenizer tokenizer = Tokenizer.open(file)) {
        LlamaVocabulary vocabulary = tokenizer.vocabulary();
        ChatTokenizer chats = new ChatTokenizer(vocabulary);
        Rendering text =
            Rendering.of("<|im_start|>user\n", Rendering.TEMPLATE)
                .followedBy(Rendering.of("a<|im_end|><|im_", 1))
                .followedBy(Rendering.of("end|>", Rendering.TEMPLATE))
                .followedBy(Rendering.of("<|im_end|>\n", Rendering.TEMPLATE));
        assertTrue(chats.spellsControl(text));
        int end = tokenizer.encode("<|im_end|>", false, true)[0];
        int[] tokens = chats.encode(text);
        assertEquals(1, IntStream.of(tokens).filter(token -> token == end).count());
        // Llama's vocabularies put a space after each control token.
        String back = vocabulary.detokenize(tokens, true, true).replace(" ", "");
        assertEquals(text.text(), back);
        assertEquals(text.text().length() - 1, chats.endOfTurn(text, 0).orElseThrow());
      }
    }
  }

  @Test
  void aTextInsideGetsNoSpaceBeforeIt() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(sentencePieces())) {
      ChatTokenizer chats = new ChatTokenizer(tokenizer.vocabulary());
      Rendering text = Rendering.of("and the", 1);
      int[] inside = chats.encodeInside(text);
      assertEquals("and", tokenizer.vocabulary().tokenText(inside[0]));
      assertEquals(
          "▁and", tokenizer.vocabulary().tokenText(tokenizer.encode("and the", false, false)[0]));
    }
  }

  private Path bytePairs() throws IOException {
    return ChatVocabulary.bytePairs(folder.resolve("pairs.gguf"), "{{ messages }}");
  }

  private Path sentencePieces() throws IOException {
    return ChatVocabulary.sentencePieces(folder.resolve("pieces.gguf"), "{{ messages }}");
  }
}

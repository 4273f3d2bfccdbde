package io.lorikeet.models.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.llama.UnusableModelException;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Unusual ways to split text into words end in tokens or in a message, and not the process.
@ExtendWith(LeakCheck.class)
class PreTokenizerTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"exaone-moe", "bloom", "chatglm-bpe", "superbpe", "gpt-4o", "default"})
  void tokenizesLongRuns(String splitting) throws IOException {
    try (Tokenizer tokenizer = open(splitting)) {
      for (String text :
          List.of("a".repeat(5000), " ".repeat(3000), "1".repeat(3000), "\u65e5".repeat(2000))) {
        int[] tokens = tokenizer.encode(text, false, false);
        assertEquals(text, tokenizer.vocabulary().detokenize(tokens, false, false));
      }
    }
  }

  @Test
  void refusesWhatLosesSpaces() throws IOException {
    try (Tokenizer tokenizer = open("whitespace")) {
      String message =
          assertThrows(UnusableModelException.class, () -> tokenizer.encode("a b", false, false))
              .getMessage();
      assertTrue(message.contains("'whitespace'"), message);
    }
  }

  @Test
  void refusesWhatLlamaCppDoesNotKnow() {
    String message = assertThrows(InvalidInputException.class, () -> open("nonsense")).getMessage();
    assertTrue(message.contains("unknown pre-tokenizer type: 'nonsense'"), message);
  }

  private Tokenizer open(String splitting) throws IOException {
    return Tokenizer.open(ChatVocabulary.bytePairs(folder.resolve("base.gguf"), "x", splitting));
  }
}

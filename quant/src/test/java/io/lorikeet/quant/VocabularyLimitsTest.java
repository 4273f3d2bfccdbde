package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VocabularyLimitsTest {
  @TempDir private Path folder;

  /// Otherwise tokenizing a text that begins with such a byte would never end.
  @Test
  void tokensOfRwkvBeginWithTokens() throws IOException {
    String message =
        assertThrows(InvalidInputException.class, () -> check("rwkv", "<s>", "a", "ab", "\\xe4b"))
            .getMessage();
    assertTrue(message.contains("2 bytes that tokens begin with are no tokens"), message);
    assertDoesNotThrow(
        () -> check("rwkv", "<", "<s>", "a", "ab", "\\xe4", "\\xe4b", "\\n", "\\n\\n", "\\\\"));
  }

  /// Loading one of them with a token that is a byte would end the process.
  @ParameterizedTest
  @ValueSource(strings = {"bert", "t5", "test"})
  void tokenizersOfOtherModelsAreRefused(String tokenizer) {
    String message =
        assertThrows(InvalidInputException.class, () -> check(tokenizer, "<unk>", "<0x00>"))
            .getMessage();
    assertTrue(message.contains("tokenizer.ggml.model is '" + tokenizer + "'"), message);
  }

  private void check(String tokenizer, String... tokens) throws IOException {
    Path file = folder.resolve("model.gguf");
    new GgufWriter()
        .putString("tokenizer.ggml.model", tokenizer)
        .putStrings("tokenizer.ggml.tokens", List.of(tokens))
        .write(file);
    try (GgufFile gguf = GgufFile.open(file)) {
      VocabularyLimits.check(gguf.metadata());
    }
  }
}

package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VocabularyLimitsTest {
  @TempDir private Path folder;

  /// Otherwise tokenizing a text that begins with such a byte would never end.
  @Test
  void tokensOfRwkvBeginWithTokens() throws IOException {
    String message =
        assertThrows(InvalidInputException.class, () -> check("<s>", "a", "ab", "\\xe4b"))
            .getMessage();
    assertTrue(message.contains("2 bytes that tokens begin with are no tokens"), message);
    assertDoesNotThrow(
        () -> check("<", "<s>", "a", "ab", "\\xe4", "\\xe4b", "\\n", "\\n\\n", "\\\\"));
  }

  private void check(String... tokens) throws IOException {
    Path file = folder.resolve("model.gguf");
    new GgufWriter()
        .putString("tokenizer.ggml.model", "rwkv")
        .putStrings("tokenizer.ggml.tokens", List.of(tokens))
        .write(file);
    try (GgufFile gguf = GgufFile.open(file)) {
      VocabularyLimits.check(gguf.metadata());
    }
  }
}

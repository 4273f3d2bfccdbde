package io.lorikeet.models.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelQuantizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class TokenizerTest {
  @TempDir Path folder;

  @Test
  void encodesAndDecodes() throws IOException {
    try (Tokenizer tokenizer =
        Tokenizer.open(RandomModel.of(TensorType.F32).write(folder.resolve("a.gguf")))) {
      int[] tokens = tokenizer.encode("the play", true, true);
      assertEquals(OptionalInt.of(tokens[0]), tokenizer.begin());
      assertEquals("the play", tokenizer.decode(tokenizer.encode("the play", false, true)));
      assertEquals(OptionalInt.of(2), tokenizer.end());
      assertTrue(tokenizer.isEndOfGeneration(2));
      assertEquals(400, tokenizer.size());
      assertArrayEquals(tokens, tokenizer.vocabulary().tokenize("the play", true, true));
    }
  }

  @Test
  void theHashNamesTheVocabularyOnly() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    String hash = hash(base);
    assertTrue(hash.matches("[0-9a-f]{64}"), hash);
    Path quantized = folder.resolve("quantized.gguf");
    ModelQuantizer.quantize(base, quantized, "Q4_0", 1);
    assertEquals(hash, hash(quantized));
    assertEquals(
        hash,
        hash(RandomModel.of(TensorType.F32).seed(9).layers(1).write(folder.resolve("b.gguf"))));
    GgufValue no = new GgufValue.Bool(false);
    Path other =
        RandomModel.of(TensorType.F32)
            .put("tokenizer.ggml.add_bos_token", no)
            .write(folder.resolve("c.gguf"));
    assertNotEquals(hash, hash(other));
    assertNotEquals(
        hash, hash(RandomModel.of(TensorType.F32).vocabulary(401).write(folder.resolve("d.gguf"))));
  }

  private static String hash(Path base) throws IOException {
    try (GgufFile file = GgufFile.open(base);
        Tokenizer tokenizer = Tokenizer.open(file)) {
      return tokenizer.hash();
    }
  }

  @Test
  void aFileThatIsNoModelIsRefused() throws IOException {
    Path page = Files.writeString(folder.resolve("page.gguf"), "<html>not found</html>");
    assertThrows(InvalidInputException.class, () -> Tokenizer.open(page));
  }
}

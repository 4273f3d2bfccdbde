package io.lorikeet.models.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.text.TextGenerator.Generation;
import io.lorikeet.models.text.TextGenerator.Sampling;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class TextGeneratorTest {
  @TempDir Path folder;

  @Test
  void generates() throws IOException {
    try (TextGenerator generator = open(64)) {
      List<String> pieces = new ArrayList<>();
      Generation first = generator.generate("the", new Sampling(20, 1, 5), pieces::add);
      assertEquals(String.join("", pieces), first.text());
      assertEquals(2, first.promptTokens());
      assertTrue(first.stopped() ? first.tokens() < 20 : first.tokens() == 20, first.toString());
      assertTrue(first.tokensPerSecond() > 0);
      assertEquals(first.text(), generator.generate("the", new Sampling(20, 1, 5), _ -> {}).text());
      assertNotEquals(
          first.text(), generator.generate("the", new Sampling(20, 1, 6), _ -> {}).text());
      Generation likeliest = generator.generate("the", new Sampling(20, 0, 5), _ -> {});
      assertEquals(
          likeliest.text(), generator.generate("the", new Sampling(20, 0, 6), _ -> {}).text());
    }
  }

  @Test
  void endsWhereTheContextDoes() throws IOException {
    try (TextGenerator generator = open(8)) {
      Generation generation = generator.generate("the", new Sampling(100, 0, 1), _ -> {});
      assertFalse(generation.stopped());
      assertEquals(8 - 2 + 1, generation.tokens()); // the last one needs no room
      Sampling sampling = new Sampling(1, 0, 1);
      assertEquals(1, generator.generate("the", sampling, _ -> {}).tokens());
      String prompt = "the ".repeat(8);
      assertThrows(
          InvalidInputException.class, () -> generator.generate(prompt, sampling, _ -> {}));
    }
  }

  @Test
  void badInputIsRefused() throws IOException {
    assertThrows(InvalidInputException.class, () -> new Sampling(0, 1, 1));
    assertThrows(InvalidInputException.class, () -> new Sampling(1, -1, 1));
    Path page = Files.writeString(folder.resolve("page.gguf"), "<html>not found</html>");
    assertThrows(
        InvalidInputException.class, () -> TextGenerator.open(page, Optional.empty(), 8, 1));
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("model.gguf"));
    assertThrows(
        InvalidInputException.class, () -> TextGenerator.open(base, Optional.of(page), 8, 1));
  }

  @Test
  void charactersAreWhole() {
    for (int seed = 0; seed < 200; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      String text = "a\u00e9\u65e5\ud83d\ude42".repeat(random.nextInt(1, 5));
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      List<String> pieces = new ArrayList<>();
      CharacterStream stream = new CharacterStream(pieces::add);
      for (int start = 0, end; start < bytes.length; start = end) {
        end = Math.min(bytes.length, start + random.nextInt(0, 4));
        stream.add(Arrays.copyOfRange(bytes, start, end));
      }
      stream.finish();
      assertEquals(text, String.join("", pieces), "seed " + seed);
      assertTrue(pieces.stream().noneMatch(piece -> piece.contains("\ufffd")), "seed " + seed);
    }
  }

  @Test
  void anUnfinishedCharacterIsReplaced() {
    StringBuilder text = new StringBuilder();
    CharacterStream stream = new CharacterStream(text::append);
    stream.add(new byte[] {'a', (byte) 0xe6, (byte) 0x97});
    assertEquals("a", text.toString());
    stream.finish();
    assertEquals("a\ufffd", text.toString());
  }

  private TextGenerator open(int context) throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("model.gguf"));
    return TextGenerator.open(base, Optional.empty(), context, 1);
  }
}

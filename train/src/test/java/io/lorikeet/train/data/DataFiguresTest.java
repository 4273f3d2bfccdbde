package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.train.settings.DataSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class DataFiguresTest {

  /// A chat of two turns, of which the second was cut, and an example that has no end.
  @Test
  void turnsOfAChatAreAsLongAsEachIs() throws IOException {
    int end = TestEncodings.bytes().end().orElseThrow();
    try (TokenStoreWriter writer =
        new TokenStoreWriter(Path.of("never written"), false, TokenStoreWriter.SMALL)) {
      writer.add(example(1, 7, 8, end), 0, 4, Fingerprint.of("chat"));
      writer.add(example(1, 7, 8, 9, 7, 8), 0, 9, Fingerprint.of("chat"));
      writer.add(example(1, 7, 7), 1, 3, Fingerprint.of("other"));
      Corpus corpus = new Corpus(List.of(writer.finish(List.of())));
      DataFigures figures =
          DataFigures.of(corpus, new int[] {0, 1, 2}, DataSettings.of(5), TestEncodings.bytes());
      assertEquals(2, figures.examples());
      assertArrayEquals(new int[] {3, 9, 9, 9, 9, 9}, figures.lengths());
      assertEquals(1, figures.longer());
      assertEquals(3, figures.lost());
      assertEquals(13, figures.tokens());
      assertEquals(1, figures.endless());
      assertEquals("f:3", figures.firstEndless());
    }
  }

  private static TokenizedExample example(int... tokens) {
    return new TokenizedExample(tokens, 1, "f", tokens.length);
  }
}

package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.convert.SentencePieceModel.Piece;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SentencePieceModelTest {
  private static final long SEED = Long.getLong("lorikeet.seed", 20261122);

  private static final List<Piece> PIECES =
      List.of(
          new Piece("<unk>", 0, 2),
          new Piece("<s>", 0, 3),
          new Piece("<0x0A>", 0, 6),
          new Piece("<mine>", -1, 4),
          new Piece("\u2581größer", -2.5f, 1));

  @TempDir Path folder;

  @Test
  void readsPieces() {
    assertEquals(
        new SentencePieceModel(PIECES, true),
        SentencePieceModel.parse(ByteBuffer.wrap(model(true)), "m"));
    assertFalse(SentencePieceModel.parse(ByteBuffer.wrap(model(false)), "m").addsSpacePrefix());
  }

  @Test
  void fillsVocabularies() throws IOException {
    Files.write(folder.resolve("tokenizer.model"), model(false));
    Files.writeString(folder.resolve("added_tokens.json"), "{\"<more>\": 5, \"<beyond>\": 900}");
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"added_tokens_decoder\": {\"1\": {\"content\": \"<s>\", \"special\": true},"
            + " \"6\": {\"content\": \"a\u2581b\"}, \"7\": {\"content\": \"<|x|>\"}}}");
    Files.writeString(folder.resolve("config.json"), "{\"vocab_size\": 9}");
    Vocabulary vocabulary = Vocabulary.sentencePiece(ModelFolder.open(folder));
    assertEquals(
        List.of(
            "<unk>", "<s>", "<0x0A>", "<mine>", "\u2581größer", "<more>", "a b", "<|x|>", "[PAD8]"),
        vocabulary.tokens());
    assertArrayEquals(new int[] {2, 3, 6, 1, 1, 4, 4, 3, 5}, vocabulary.types());
    assertArrayEquals(
        new float[] {0, -1000, 0, -1, -2.5f, -1000, -1000, -1000, -10000}, vocabulary.scores());
    assertEquals(Optional.of(false), vocabulary.addsSpacePrefix());
  }

  @Test
  void damageIsRefusedOrHarmless() {
    SplittableRandom random = new SplittableRandom(SEED);
    byte[] whole = model(true);
    int accepted = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] damaged =
          random.nextInt(4) == 0
              ? Arrays.copyOf(whole, random.nextInt(whole.length))
              : whole.clone();
      for (int times = random.nextInt(3); times >= 0 && damaged.length > 0; times--) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
      }
      try {
        assertFalse(SentencePieceModel.parse(ByteBuffer.wrap(damaged), "m").pieces().isEmpty());
        accepted++;
      } catch (InvalidInputException e) {
        assertTrue(e.getMessage().startsWith("m: "), e.getMessage());
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + SEED + ", input " + i, e);
      }
    }
    assertTrue(accepted > 1000 && accepted < 19_000, accepted + " accepted");
  }

  @Test
  void refusesWhatIsNone() {
    assertThrows(
        InvalidInputException.class,
        () -> SentencePieceModel.parse(ByteBuffer.wrap(new byte[0]), "m"));
  }

  /// The protocol buffer: field 1 the pieces, 2 the trainer's settings, 3 the normalizer's.
  private static byte[] model(boolean prefix) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Piece piece : PIECES) {
      ByteArrayOutputStream message = new ByteArrayOutputStream();
      field(message, 1, piece.text().getBytes(StandardCharsets.UTF_8));
      message.write(2 << 3 | 5);
      message.writeBytes(
          ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(piece.score()).array());
      if (piece.type() != 1) { // the default isn't written
        message.write(3 << 3);
        message.write(piece.type());
      }
      field(out, 1, message.toByteArray());
    }
    field(out, 2, new byte[] {3 << 3, 2, 4 << 3, (byte) 0x80, 1, 13 << 3 | 5, 0, 0, 0, 0});
    field(out, 3, prefix ? new byte[0] : new byte[] {3 << 3, 0});
    return out.toByteArray();
  }

  private static void field(ByteArrayOutputStream out, int number, byte[] bytes) {
    out.write(number << 3 | 2);
    out.write(bytes.length);
    out.writeBytes(bytes);
  }
}

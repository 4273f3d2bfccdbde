package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Random files come back as they were written; damaged ones are refused or read, and nothing else.
class SafetensorsPropertyTest {
  private static final long SEED = Long.getLong("lorikeet.seed", 20261122);

  /// Words that damage writes over the head's text.
  private static final List<String> WORDS =
      List.of(
          "-1",
          "0",
          "9223372036854775807",
          "9223372036854775808",
          "1e9",
          "null",
          "{",
          "}",
          "[",
          "]",
          "\"",
          ",",
          ":",
          "F64",
          "\u0000",
          "4611686018427387905",
          "data_offsets",
          "\\ud800");

  @TempDir Path folder;

  private record Expected(String name, SafetensorsType type, long[] shape, byte[] bytes) {}

  @Test
  void whatIsWrittenIsRead() throws IOException {
    SplittableRandom random = new SplittableRandom(SEED);
    Path path = folder.resolve("random.safetensors");
    for (int i = 0; i < 60; i++) {
      List<Expected> tensors = randomTensors(random);
      SafetensorsWriter writer = new SafetensorsWriter();
      for (Expected tensor : tensors) {
        writer.addTensor(
            tensor.name(), tensor.type(), tensor.shape(), TensorSource.of(tensor.bytes()));
      }
      writer.write(path);
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        assertEquals(tensors.size(), file.tensors().size());
        for (Expected tensor : tensors) {
          SafetensorsTensor found = file.tensor(tensor.name()).orElseThrow();
          String context = "seed " + SEED + ", file " + i + ", " + found;
          assertEquals(tensor.type(), found.type(), context);
          assertEquals(LongStream.of(tensor.shape()).boxed().toList(), found.shape(), context);
          MemorySegment bytes = MemorySegment.ofArray(tensor.bytes());
          assertEquals(-1, file.data(found).mismatch(bytes), context);
          long alignment = Math.max(1, tensor.type().bits() / 8);
          assertEquals(0, found.offset() % alignment, context);
        }
      }
    }
  }

  private static List<Expected> randomTensors(SplittableRandom random) {
    List<Expected> tensors = new ArrayList<>();
    int count = random.nextInt(6);
    for (int i = 0; i < count; i++) {
      SafetensorsType type =
          SafetensorsType.values()[random.nextInt(SafetensorsType.values().length)];
      long[] shape = random.longs(random.nextInt(4), 0, 6).toArray();
      if (type.bits() < 8) { // a whole number of bytes
        shape = Arrays.copyOf(shape, shape.length + 1);
        shape[shape.length - 1] = 4;
      }
      long bytes = Arrays.stream(shape).reduce(1, Math::multiplyExact) * type.bits() / 8;
      byte[] data = new byte[(int) bytes];
      random.nextBytes(data);
      tensors.add(new Expected("größe." + i + "\"\n", type, shape, data));
    }
    return tensors;
  }

  @Test
  void everyCutIsRefused() throws IOException {
    byte[] whole = sample();
    for (int length = 0; length < whole.length; length++) {
      MemorySegment cut = MemorySegment.ofArray(whole).asSlice(0, length);
      assertThrows(
          InvalidInputException.class,
          () -> SafetensorsHeader.read(cut, "m"),
          "accepted, cut to " + length + " bytes");
    }
  }

  @Test
  @Timeout(60)
  void damageIsRefusedOrHarmless() throws IOException {
    SplittableRandom random = new SplittableRandom(SEED);
    byte[] whole = sample();
    int accepted = 0;
    for (int i = 0; i < 30_000; i++) {
      byte[] damaged = random.nextBoolean() ? GgufDamage.apply(whole, random) : text(whole, random);
      MemorySegment bytes = MemorySegment.ofArray(damaged);
      try {
        SafetensorsHeader header = SafetensorsHeader.read(bytes, "m");
        for (SafetensorsTensor tensor : header.tensors()) {
          MemorySegment data = bytes.asSlice(tensor.offset(), tensor.bytes());
          if (tensor.type().isFloat()) {
            tensor.type().readFloats(data, 0, new float[(int) tensor.elements()]);
          }
        }
        accepted++;
      } catch (InvalidInputException e) {
        assertTrue(e.getMessage().startsWith("m: "), e.getMessage());
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + SEED + ", input " + i, e);
      }
    }
    // Damage to a name's letters or to the data is no damage to the format.
    assertTrue(accepted > 1000 && accepted < 25_000, accepted + " accepted");
  }

  /// Writes a word over some place of the head.
  private static byte[] text(byte[] whole, SplittableRandom random) {
    byte[] damaged = whole.clone();
    byte[] word = WORDS.get(random.nextInt(WORDS.size())).getBytes(StandardCharsets.UTF_8);
    int head = (int) MemorySegment.ofArray(whole).get(LittleEndian.LONG, 0);
    int at = 8 + random.nextInt(head - word.length);
    System.arraycopy(word, 0, damaged, at, word.length);
    return damaged;
  }

  private byte[] sample() throws IOException {
    Path path = folder.resolve("sample.safetensors");
    new SafetensorsWriter()
        .putMetadata("format", "pt")
        .addTensor("a", new long[] {2, 3}, new float[6])
        .addTensor("b", SafetensorsType.F16, new long[] {4}, TensorSource.of(new byte[8]))
        .addTensor("c", SafetensorsType.U8, new long[] {}, TensorSource.of(new byte[1]))
        .write(path);
    return Files.readAllBytes(path);
  }
}

package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Random files come back as they were written; damaged ones are refused or read, and nothing else.
@Tag("slow")
class GgufPropertyTest {
  private static final long SEED = Long.getLong("lorikeet.seed", 20261122);

  @TempDir Path folder;

  @Test
  void whatIsWrittenIsReadAndCopied() throws IOException {
    SplittableRandom random = new SplittableRandom(SEED);
    Path path = folder.resolve("random.gguf");
    Path copied = folder.resolve("copied.gguf");
    for (int i = 0; i < 60; i++) {
      String context = "seed " + SEED + ", file " + i;
      RandomGguf expected = RandomGguf.create(random);
      expected.writer().write(path);
      try (GgufFile file = GgufFile.open(path)) {
        assertSame(expected, file, context);
        GgufWriter copy = new GgufWriter().copyMetadata(file.metadata());
        for (GgufTensor tensor : file.tensors()) {
          long[] shape = expected.tensors().get(file.tensors().indexOf(tensor)).shape();
          copy.addTensor(tensor.name(), tensor.type(), shape, TensorSource.of(file.data(tensor)));
        }
        copy.write(copied);
      }
      assertEquals(-1, Files.mismatch(path, copied), context);
    }
  }

  private static void assertSame(RandomGguf expected, GgufFile file, String context) {
    GgufMetadata metadata = file.metadata();
    assertEquals(List.copyOf(expected.values().keySet()), List.copyOf(metadata.keys()), context);
    for (String key : metadata.keys()) {
      assertEquals(expected.values().get(key), metadata.value(key).orElseThrow(), context);
    }
    assertEquals(expected.tensors().size(), file.tensors().size(), context);
    for (RandomGguf.RandomTensor tensor : expected.tensors()) {
      GgufTensor found = file.tensor(tensor.name()).orElseThrow();
      assertEquals(tensor.type(), found.type(), context);
      assertEquals(Arrays.stream(tensor.shape()).reduce(1, Math::multiplyExact), found.elements());
      assertEquals(-1, file.data(found).mismatch(MemorySegment.ofArray(tensor.bytes())), context);
    }
  }

  @Test
  void everyCutIsRefused() throws IOException {
    byte[] whole = sample();
    GgufHeader header = GgufHeaderReader.read(MemorySegment.ofArray(whole), "m.gguf", true);
    GgufTensor last = header.tensors().getLast();
    for (int length = 0; length < last.offset() + last.bytes(); length++) {
      MemorySegment cut = MemorySegment.ofArray(whole).asSlice(0, length);
      assertThrows(
          InvalidInputException.class,
          () -> GgufHeaderReader.read(cut, "m.gguf", true),
          "accepted, cut to " + length + " bytes");
    }
  }

  @Test
  @Timeout(60)
  void damageIsRefusedOrHarmless() throws IOException {
    SplittableRandom random = new SplittableRandom(SEED);
    byte[] whole = sample();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int accepted = 0;
    for (int i = 0; i < 40_000; i++) {
      byte[] damaged = GgufDamage.apply(whole, random);
      long before = threads.getCurrentThreadAllocatedBytes();
      try {
        GgufHeader header =
            GgufHeaderReader.read(MemorySegment.ofArray(damaged), "m.gguf", random.nextBoolean());
        header.metadata().keys().forEach(key -> touch(header.metadata().value(key).orElseThrow()));
        accepted++;
      } catch (InvalidInputException e) {
        assertTrue(e.getMessage().startsWith("m.gguf: "), e.getMessage());
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + SEED + ", input " + i, e);
      }
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;
      assertTrue(allocated < 1 << 20, "allocated " + allocated + ": seed " + SEED + ", input " + i);
    }
    // Damage to a string's letters or a number is no damage to the format.
    assertTrue(accepted > 1000 && accepted < 36_000, accepted + " accepted");
  }

  private static void touch(GgufValue value) {
    switch (value) {
      case GgufValue.Int number -> number.value();
      case GgufValue.Real number -> number.value();
      case GgufValue.Bool bool -> bool.value();
      case GgufValue.TextValue text -> text.value();
      case GgufValue.Array array -> {
        if (array.elementType() == GgufType.STRING) {
          assertEquals(array.count(), array.strings().size());
        } else if (array.elementType() == GgufType.BOOL) {
          assertEquals(array.count(), array.encoded().byteSize());
        } else if (array.elementType().isReal()) {
          assertEquals(array.count(), array.doubles().length);
        } else {
          assertEquals(array.count(), array.longs().length);
        }
      }
    }
  }

  /// A small file with keys of every kind and three tensors.
  private byte[] sample() throws IOException {
    Path path = folder.resolve("sample.gguf");
    GgufDamage.sample().write(path);
    return Files.readAllBytes(path);
  }
}

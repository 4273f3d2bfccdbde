package io.lorikeet.train.run;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every reader against some thousand damaged files. `bench/fuzz` is the long version.
@Tag("slow")
class HostileReaderTest {
  private static final long SEED = Long.getLong("lorikeet.seed", 20261122);
  private static final int INPUTS = Integer.getInteger("lorikeet.fuzz.inputs", 1500);

  /// Byte sequences that often break readers.
  private static final List<byte[]> WORDS =
      List.of(
          bytes("\""),
          bytes("{"),
          bytes("]"),
          bytes("\\u0000"),
          bytes("null"),
          bytes("-1"),
          bytes("1e999"),
          bytes("../../x"),
          bytes("{% for x in range(99999999) %}"),
          bytes("{{ x.y.z | tojson }}"),
          bytes("\n"),
          bytes("&a *a"),
          new byte[] {(byte) 0xff, (byte) 0xfe},
          new byte[] {-1, -1, -1, -1, -1, -1, -1, -1},
          new byte[] {-1, -1, -1, -1, -1, -1, -1, 127},
          new byte[] {0, 0, 0, 0, 0, 0, 0, 64},
          new byte[] {1, 0, 0, 0});

  @TempDir Path folder;

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @EnumSource
  @Timeout(120)
  void readsOrRefuses(HostileReader reader) throws IOException {
    reader.warmUp(folder);
    SplittableRandom random = new SplittableRandom(SEED);
    List<byte[]> seeds = reader.seeds(folder);
    int good = 0;
    for (int i = 0; i < INPUTS; i++) {
      byte[] input = seeds.get(random.nextInt(seeds.size()));
      int times = random.nextInt(4);
      for (int change = 0; change < times; change++) {
        input = damage(input, seeds, random);
      }
      try {
        good += reader.take(input, folder) ? 1 : 0;
      } catch (AssertionError e) {
        throw new AssertionError("seed " + SEED + ", input " + i, e);
      }
    }
    assertTrue(good > 0 && good < INPUTS, good + " of " + INPUTS + " were good");
  }

  private static byte[] damage(byte[] input, List<byte[]> seeds, SplittableRandom random) {
    int at = random.nextInt(input.length + 1);
    int end = Math.min(input.length, at + random.nextInt(1, 17));
    return switch (random.nextInt(5)) {
      case 0 -> {
        byte[] flipped = input.clone();
        if (at < input.length) {
          flipped[at] ^= (byte) (1 << random.nextInt(8));
        }
        yield flipped;
      }
      case 1 -> joined(input, at, WORDS.get(random.nextInt(WORDS.size())), at);
      case 2 -> joined(input, at, WORDS.get(random.nextInt(WORDS.size())), end);
      case 3 -> joined(input, at, new byte[0], end);
      default -> {
        byte[] other = seeds.get(random.nextInt(seeds.size()));
        int from = random.nextInt(other.length + 1);
        yield joined(
            input, at, Arrays.copyOfRange(other, from, Math.min(other.length, from + 40)), end);
      }
    };
  }

  /// The input with what stands between two places replaced.
  private static byte[] joined(byte[] input, int from, byte[] between, int to) {
    byte[] joined = new byte[from + between.length + input.length - to];
    System.arraycopy(input, 0, joined, 0, from);
    System.arraycopy(between, 0, joined, from, between.length);
    System.arraycopy(input, to, joined, from + between.length, input.length - to);
    return joined;
  }
}

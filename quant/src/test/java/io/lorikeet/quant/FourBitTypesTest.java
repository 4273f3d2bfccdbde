package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// ggml's 4-bit types and QLoRA's NF4 on the same normally distributed numbers, as the weights of
/// trained models nearly are. This test prints the table in `docs/quantization.md`.
class FourBitTypesTest {
  private static final int ROW = 4096;
  private static final int ROWS = 256;

  private static final List<TensorType> TYPES =
      List.of(
          TensorType.Q4_0,
          TensorType.Q4_1,
          TensorType.Q4_K,
          TensorType.IQ4_NL,
          TensorType.IQ4_XS,
          TensorType.MXFP4,
          TensorType.NVFP4);

  private record Quality(String name, double bits, double error) {
    String row() {
      return String.format(Locale.ROOT, "| %s | %.3f | %.2f %% |", name, bits, 100 * error);
    }
  }

  @Test
  void comparesWithNormalFloat() throws IOException {
    float[] numbers = normal();
    List<Quality> table = new ArrayList<>();
    table.add(normalFloat("NF4", numbers, false));
    table.add(normalFloat("NF4, double quantization", numbers, true));
    for (TensorType type : TYPES) {
      double bits = 8.0 * type.blockBytes() / type.blockSize();
      table.add(new Quality(type.name(), bits, error(numbers, roundTrip(type, numbers))));
    }
    table.forEach(quality -> System.out.println(quality.row()));
    Map<String, Double> errors = new TreeMap<>();
    table.forEach(quality -> errors.put(quality.name, quality.error));

    assertEquals(4.5, table.get(0).bits);
    assertEquals(4.127, table.get(1).bits, 1e-3); // as in the paper
    // Double quantization costs next to nothing, as the paper says.
    assertEquals(errors.get("NF4"), errors.get("NF4, double quantization"), 0.002);
    // IQ4_NL and IQ4_XS have levels for the normal distribution too, in smaller blocks.
    assertTrue(errors.get("IQ4_NL") < errors.get("NF4"));
    assertTrue(errors.get("IQ4_XS") < errors.get("NF4"));
    assertTrue(errors.get("Q4_K") < errors.get("NF4"));
    assertTrue(errors.get("Q4_0") < 1.1 * errors.get("NF4"));
    assertTrue(errors.get("MXFP4") > errors.get("NF4"));
    checkDocumentation(table);
  }

  private static Quality normalFloat(String name, float[] numbers, boolean twice) {
    float[] found = NormalFloat.roundTrip(numbers, twice);
    return new Quality(name, NormalFloat.bitsPerWeight(twice), error(numbers, found));
  }

  private static void checkDocumentation(List<Quality> table) throws IOException {
    Path file = Path.of("docs", "quantization.md");
    Path found = Files.exists(file) ? file : Path.of("..").resolve(file);
    List<String> lines = Files.readAllLines(found);
    for (Quality quality : table) {
      assertTrue(lines.contains(quality.row()), "not in " + file + ": " + quality.row());
    }
  }

  private static float[] normal() {
    SplittableRandom random = new SplittableRandom(20261122);
    float[] numbers = new float[ROWS * ROW];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) (0.02 * random.nextGaussian());
    }
    return numbers;
  }

  private static float[] roundTrip(TensorType type, float[] numbers) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate((long) numbers.length * Float.BYTES, 64);
      MemorySegment.copy(numbers, 0, floats, ValueLayout.JAVA_FLOAT, 0, numbers.length);
      MemorySegment bytes = arena.allocate(type.rowBytes(numbers.length), 64);
      RowQuantizer.quantize(type, floats, ROW, bytes);
      return RowDequantizer.floats(type, bytes);
    }
  }

  /// Root mean square of the differences as a share of that of the numbers.
  private static double error(float[] numbers, float[] found) {
    double squares = 0;
    double size = 0;
    for (int i = 0; i < numbers.length; i++) {
      squares += Math.pow((double) found[i] - numbers[i], 2);
      size += Math.pow(numbers[i], 2);
    }
    return Math.sqrt(squares / size);
  }
}

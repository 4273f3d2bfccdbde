package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FiniteWeightsTest {
  @TempDir Path folder;

  /// Sets two or four bytes of a block to ones, at every place in turn. ggml's own dequantization
  /// says whether that makes the block bad; scales made of whole numbers never do.
  @Test
  void findsWhatDequantizesToNoNumber() {
    for (TensorType type : TensorType.values()) {
      if (!RowDequantizer.reads(type) || type == TensorType.MXFP4) {
        continue;
      }
      int size = type.blockBytes();
      byte[] zeros = new byte[3 * size];
      assertEquals(-1, FiniteWeights.firstBad(type, MemorySegment.ofArray(zeros)), type.name());
      int found = 0;
      for (int length : new int[] {2, 4}) {
        for (int at = 0; at + length <= size; at++) {
          byte[] bytes = zeros.clone();
          Arrays.fill(bytes, size + at, size + at + length, (byte) 0xff);
          boolean finite = isFinite(type, bytes);
          long first = FiniteWeights.firstBad(type, MemorySegment.ofArray(bytes));
          assertEquals(finite ? -1 : 1, first, type + ", byte " + at);
          found += finite ? 0 : 1;
        }
      }
      assertTrue(found > 0 || type == TensorType.NVFP4, type.name());
    }
  }

  private static boolean isFinite(TensorType type, byte[] bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment block = arena.allocate(bytes.length, 64).copyFrom(MemorySegment.ofArray(bytes));
      for (float value : RowDequantizer.floats(type, block)) {
        if (!Float.isFinite(value)) {
          return false;
        }
      }
      return true;
    }
  }

  /// ggml computes a finite number of this scale, but the format defines it as NaN.
  @Test
  void findsTheScaleOfMxfp4ThatIsNoNumber() {
    byte[] bytes = new byte[2 * TensorType.MXFP4.blockBytes()];
    bytes[TensorType.MXFP4.blockBytes()] = (byte) 0xff;
    assertEquals(1, FiniteWeights.firstBad(TensorType.MXFP4, MemorySegment.ofArray(bytes)));
  }

  @Test
  void namesTheTensors() throws IOException {
    Path path = folder.resolve("bad.gguf");
    new GgufWriter()
        .addTensor("good.weight", new long[] {2}, new float[] {1, -Float.MAX_VALUE})
        .addTensor("nan.weight", new long[] {2}, new float[] {1, Float.NaN})
        .addTensor("inf.weight", new long[] {1}, new float[] {Float.NEGATIVE_INFINITY})
        .write(path);
    try (GgufFile file = GgufFile.open(path)) {
      String message =
          assertThrows(InvalidInputException.class, () -> FiniteWeights.require(file)).getMessage();
      assertTrue(message.contains(path + " holds weights that can't be computed with"), message);
      assertTrue(message.contains("nan.weight (F32) holds no finite number at element 1"), message);
      assertTrue(message.contains("inf.weight (F32) holds no finite number at element 0"), message);
      assertEquals(3, message.lines().count(), message);
    }
  }
}

package io.lorikeet.quant;

import io.lorikeet.bindings.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/// The contents of a random valid GGUF file: keys of all types, tensors of all types and shapes.
record RandomGguf(Map<String, GgufValue> values, List<RandomTensor> tensors) {
  record RandomTensor(String name, TensorType type, long[] shape, byte[] bytes) {}

  static RandomGguf create(SplittableRandom random) {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    if (random.nextBoolean()) {
      values.put("general.alignment", new GgufValue.Int(GgufType.UINT32, 8L << random.nextInt(5)));
    }
    int keys = random.nextInt(12);
    for (int i = 0; i < keys; i++) {
      values.put(i + "." + text(random), value(random));
    }
    List<RandomTensor> tensors = new ArrayList<>();
    int count = random.nextInt(6);
    for (int i = 0; i < count; i++) {
      tensors.add(tensor(i + "." + text(random), random));
    }
    return new RandomGguf(values, tensors);
  }

  GgufWriter writer() {
    GgufWriter writer = new GgufWriter();
    values.forEach(writer::put);
    for (RandomTensor tensor : tensors) {
      TensorSource source = TensorSource.of(tensor.bytes());
      writer.addTensor(tensor.name(), tensor.type(), tensor.shape(), source);
    }
    return writer;
  }

  private static RandomTensor tensor(String name, SplittableRandom random) {
    TensorType type = TensorType.values()[random.nextInt(TensorType.values().length)];
    long[] shape = new long[random.nextInt(1, 5)];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = random.nextInt(1, 4) * (i == 0 ? type.blockSize() : 1L);
    }
    long bytes = type.rowBytes(shape[0]);
    for (int i = 1; i < shape.length; i++) {
      bytes *= shape[i];
    }
    return new RandomTensor(name, type, shape, bytes(random, (int) bytes));
  }

  private static GgufValue value(SplittableRandom random) {
    GgufType type = GgufType.values()[random.nextInt(GgufType.values().length)];
    return switch (type) {
      case UINT8 -> new GgufValue.Int(type, random.nextInt(1 << 8));
      case INT8 -> new GgufValue.Int(type, (byte) random.nextInt());
      case UINT16 -> new GgufValue.Int(type, random.nextInt(1 << 16));
      case INT16 -> new GgufValue.Int(type, (short) random.nextInt());
      case UINT32 -> new GgufValue.Int(type, random.nextLong(1L << 32));
      case INT32 -> new GgufValue.Int(type, random.nextInt());
      case UINT64, INT64 -> new GgufValue.Int(type, random.nextLong());
      case FLOAT32 -> new GgufValue.Real(type, (float) random.nextDouble());
      case FLOAT64 -> new GgufValue.Real(type, random.nextDouble());
      case BOOL -> new GgufValue.Bool(random.nextBoolean());
      case STRING -> new GgufValue.TextValue(bytes(random, random.nextInt(20)));
      case ARRAY -> array(random);
    };
  }

  private static GgufValue.Array array(SplittableRandom random) {
    GgufType type = GgufType.values()[random.nextInt(GgufType.values().length)];
    int count = random.nextInt(9);
    return switch (type) {
      case STRING, ARRAY ->
          GgufValue.Array.ofStrings(IntStream.range(0, count).mapToObj(_ -> text(random)).toList());
      case BOOL -> {
        byte[] bools = bytes(random, count);
        for (int i = 0; i < count; i++) {
          bools[i] &= 1;
        }
        yield new GgufValue.Array(type, count, MemorySegment.ofArray(bools));
      }
      default -> {
        byte[] bytes = bytes(random, count * type.bytes());
        yield new GgufValue.Array(type, count, MemorySegment.ofArray(bytes));
      }
    };
  }

  private static String text(SplittableRandom random) {
    String letters = "abc._-ÄßЖ中😀";
    StringBuilder text = new StringBuilder();
    int length = random.nextInt(10);
    for (int i = 0; i < length; i++) {
      text.appendCodePoint(letters.codePointAt(letters.offsetByCodePoints(0, random.nextInt(11))));
    }
    return text.toString();
  }

  private static byte[] bytes(SplittableRandom random, int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return bytes;
  }
}

package io.lorikeet.cli;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// A GGUF file taken apart, changed in one place and put together again: in a key, a tensor's
/// entry, a weight, or in any byte. It reads and writes the format by itself, since Lorikeet's own
/// writer refuses what is wrong.
final class HostileGguf {
  private static final int STRING = 8;
  private static final int ARRAY = 9;

  /// Bytes of a value of each type, 0 for strings and arrays.
  private static final int[] SIZES = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

  private static final long[] INTEGERS = {
    0,
    1,
    2,
    3,
    5,
    7,
    31,
    64,
    127,
    128,
    255,
    256,
    257,
    300,
    1000,
    1024,
    65535,
    65536,
    1 << 20,
    1 << 28,
    Integer.MAX_VALUE,
    1L << 31,
    (1L << 32) - 1,
    1L << 40,
    Long.MAX_VALUE,
    -1,
    -2
  };
  private static final double[] REALS = {
    0,
    -0.0,
    1,
    -1,
    1e-30,
    1e30,
    3e38,
    -1e-9,
    1e-45,
    2,
    0.5,
    10000,
    Double.NaN,
    Double.POSITIVE_INFINITY,
    Double.NEGATIVE_INFINITY
  };
  private static final List<String> TEXTS =
      List.of(
          "",
          "a",
          "llama",
          "gpt2",
          "bert",
          "t5",
          "rwkv",
          "plamo2",
          "none",
          "no_vocab",
          "gemma4",
          "qwen2",
          "phi3",
          "gemma3",
          "granite",
          "gpt-oss",
          "mamba",
          "clip",
          "adapter",
          "llama-bpe",
          "whitespace",
          "default",
          "yarn",
          "linear",
          "longrope",
          "\u001b[31mred\u0007",
          "two\nlines",
          "phi-3",
          "\u0000",
          "\u00e9\ud83d\ude00",
          "x".repeat(70_000));

  /// A key with its value as it stands in the file.
  private record Key(byte[] name, int type, byte[] value) {}

  /// A tensor's entry and its data.
  private record Entry(byte[] name, long[] shape, int type, byte[] data) {}

  private final List<Key> keys = new ArrayList<>();
  private final List<Entry> entries = new ArrayList<>();

  /// Takes apart a good file, of version 3 and the usual alignment.
  HostileGguf(byte[] file) {
    ByteBuffer in = little(file);
    in.position(8);
    long tensors = in.getLong();
    long keyCount = in.getLong();
    for (long i = 0; i < keyCount; i++) {
      byte[] name = string(in);
      int type = in.getInt();
      int start = in.position();
      skip(in, type);
      keys.add(new Key(name, type, Arrays.copyOfRange(file, start, in.position())));
    }
    List<Entry> found = new ArrayList<>();
    List<Long> offsets = new ArrayList<>();
    for (long i = 0; i < tensors; i++) {
      byte[] name = string(in);
      long[] shape = new long[in.getInt()];
      Arrays.setAll(shape, _ -> in.getLong());
      found.add(new Entry(name, shape, in.getInt(), null));
      offsets.add(in.getLong());
    }
    int data = (in.position() + 31) / 32 * 32;
    for (int i = 0; i < found.size(); i++) {
      long start = offsets.get(i);
      long end = offsets.stream().filter(at -> at > start).min(Long::compare).orElse(-1L);
      int to = end < 0 ? file.length : data + Math.toIntExact(end);
      byte[] bytes = Arrays.copyOfRange(file, data + Math.toIntExact(start), to);
      Entry entry = found.get(i);
      entries.add(new Entry(entry.name, entry.shape, entry.type, bytes));
    }
  }

  /// The file with one thing changed.
  ///
  /// @param random decides what
  byte[] mutant(SplittableRandom random) {
    List<Key> otherKeys = new ArrayList<>(keys);
    List<Entry> otherEntries = new ArrayList<>(entries);
    int alignment = 32;
    int kind = random.nextInt(100);
    if (kind < 45) {
      changeKey(otherKeys, random);
    } else if (kind < 60) {
      changeEntry(otherEntries, random);
    } else if (kind < 80) {
      changeWeights(otherEntries, random);
    } else if (kind < 85) {
      alignment = 1 << random.nextInt(13);
      int said = random.nextInt(4) == 0 ? alignment * 2 : alignment;
      byte[] name = "general.alignment".getBytes(StandardCharsets.UTF_8);
      otherKeys.add(new Key(name, 4, little(new byte[4]).putInt(0, said).array()));
    }
    byte[] file = write(otherKeys, otherEntries, alignment, random);
    return kind < 85 ? file : damaged(file, random);
  }

  /// Bytes changed anywhere in the head, or the end cut off.
  private static byte[] damaged(byte[] file, SplittableRandom random) {
    if (random.nextInt(8) == 0) {
      return Arrays.copyOf(file, random.nextInt(file.length));
    }
    int head = Math.min(file.length, 1 << (5 + random.nextInt(14)));
    file[random.nextInt(head)] = (byte) random.nextInt(256);
    return file;
  }

  private static void changeKey(List<Key> keys, SplittableRandom random) {
    int at = random.nextInt(keys.size());
    Key key = keys.get(at);
    switch (random.nextInt(8)) {
      case 0 -> keys.remove(at);
      case 1 -> keys.add(key);
      case 2 -> {
        int type = random.nextInt(SIZES.length);
        keys.set(at, new Key(key.name, type, value(type, random)));
      }
      default -> keys.set(at, new Key(key.name, key.type, changed(key, random)));
    }
  }

  private static byte[] changed(Key key, SplittableRandom random) {
    if (key.type != ARRAY) {
      return value(key.type, random);
    }
    ByteBuffer in = little(key.value);
    int type = in.getInt();
    List<byte[]> elements = new ArrayList<>();
    long count = in.getLong();
    for (long i = 0; i < count; i++) {
      int start = in.position();
      skip(in, type);
      elements.add(Arrays.copyOfRange(key.value, start, in.position()));
    }
    switch (elements.isEmpty() ? 1 : random.nextInt(4)) {
      case 0 -> elements.removeLast();
      case 1 -> elements.add(value(type, random));
      case 2 -> {
        byte[] all = value(type, random);
        elements.replaceAll(_ -> all);
      }
      default -> elements.set(random.nextInt(elements.size()), value(type, random));
    }
    return array(type, elements);
  }

  private static byte[] array(int type, List<byte[]> elements) {
    int size = elements.stream().mapToInt(element -> element.length).sum();
    ByteBuffer out = little(new byte[12 + size]).putInt(type).putLong(elements.size());
    elements.forEach(out::put);
    return out.array();
  }

  /// A value of a type that is likely to be more than somebody thought of.
  private static byte[] value(int type, SplittableRandom random) {
    double real = REALS[random.nextInt(REALS.length)];
    return switch (type) {
      case STRING -> encoded(TEXTS.get(random.nextInt(TEXTS.size())));
      case ARRAY -> array(4, List.of(value(4, random)));
      case 6 -> little(new byte[4]).putFloat(0, (float) real).array();
      case 12 -> little(new byte[8]).putDouble(0, real).array();
      default -> {
        byte[] wide =
            little(new byte[8]).putLong(0, INTEGERS[random.nextInt(INTEGERS.length)]).array();
        yield Arrays.copyOf(wide, SIZES[type]);
      }
    };
  }

  private static void changeEntry(List<Entry> entries, SplittableRandom random) {
    int at = random.nextInt(entries.size());
    Entry entry = entries.get(at);
    switch (random.nextInt(7)) {
      case 0 -> entries.remove(at);
      case 1 -> entries.add(entry);
      case 2 -> {
        byte[] name = entries.get(random.nextInt(entries.size())).name;
        entries.set(at, new Entry(name, entry.shape, entry.type, entry.data));
      }
      case 3 -> {
        byte[] name = TEXTS.get(random.nextInt(TEXTS.size())).getBytes(StandardCharsets.UTF_8);
        entries.set(at, new Entry(name, entry.shape, entry.type, entry.data));
      }
      case 4 -> {
        long[] shape = entry.shape.clone();
        shape[random.nextInt(shape.length)] = INTEGERS[random.nextInt(INTEGERS.length)];
        entries.set(at, new Entry(entry.name, shape, entry.type, entry.data));
      }
      default -> { // as many bytes as any type needs
        long elements = Arrays.stream(entry.shape).reduce(1, (a, b) -> a * b);
        byte[] data = Arrays.copyOf(entry.data, Math.toIntExact(8 * elements));
        entries.set(at, new Entry(entry.name, entry.shape, random.nextInt(42), data));
      }
    }
  }

  private static void changeWeights(List<Entry> entries, SplittableRandom random) {
    int at = random.nextInt(entries.size());
    Entry entry = entries.get(at);
    byte[] data = entry.data.clone();
    ByteBuffer bytes = little(data);
    float real = (float) REALS[random.nextInt(REALS.length)];
    int many = random.nextInt(3) == 0 ? data.length : 64;
    for (int i = 0; i < many; i++) {
      int place = random.nextInt(Math.max(1, data.length / 4 - 1)) * 4;
      switch (random.nextInt(3)) {
        case 0 -> bytes.putShort(place, Float.floatToFloat16(real));
        case 1 -> bytes.putFloat(place, real);
        default -> bytes.put(place, (byte) random.nextInt(256));
      }
    }
    entries.set(at, new Entry(entry.name, entry.shape, entry.type, data));
  }

  private static byte[] write(
      List<Key> keys, List<Entry> entries, int alignment, SplittableRandom random) {
    int size = 1 << 12;
    for (Key key : keys) {
      size += 12 + key.name.length + key.value.length;
    }
    for (Entry entry : entries) {
      size += 2 * alignment + 64 + 8 * entry.shape.length + entry.name.length + entry.data.length;
    }
    ByteBuffer out = little(new byte[size + alignment]);
    out.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(3);
    out.putLong(entries.size()).putLong(keys.size());
    for (Key key : keys) {
      out.putLong(key.name.length).put(key.name).putInt(key.type).put(key.value);
    }
    int odd = random.nextInt(40) == 0 ? random.nextInt(entries.size() + 1) : -1;
    long offset = 0;
    for (int i = 0; i < entries.size(); i++) {
      Entry entry = entries.get(i);
      out.putLong(entry.name.length).put(entry.name).putInt(entry.shape.length);
      Arrays.stream(entry.shape).forEach(out::putLong);
      out.putInt(entry.type);
      out.putLong(i == odd ? INTEGERS[random.nextInt(INTEGERS.length)] : offset);
      offset = padded(offset + entry.data.length, alignment);
    }
    out.position(padded(out.position(), alignment));
    for (Entry entry : entries) {
      out.put(entry.data);
      out.position(padded(out.position(), alignment));
    }
    return Arrays.copyOf(out.array(), out.position());
  }

  private static int padded(long size, int alignment) {
    return Math.toIntExact((size + alignment - 1) / alignment * alignment);
  }

  private static void skip(ByteBuffer in, int type) {
    if (type == STRING) {
      string(in);
    } else if (type == ARRAY) {
      int element = in.getInt();
      long count = in.getLong();
      for (long i = 0; i < count; i++) {
        skip(in, element);
      }
    } else {
      in.position(in.position() + SIZES[type]);
    }
  }

  private static byte[] string(ByteBuffer in) {
    byte[] bytes = new byte[Math.toIntExact(in.getLong())];
    in.get(bytes);
    return bytes;
  }

  private static byte[] encoded(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return little(new byte[8 + bytes.length]).putLong(bytes.length).put(bytes).array();
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}

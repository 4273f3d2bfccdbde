package io.lorikeet.quant;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;

/// The keys and values at the head of a GGUF file, in the file's order.
///
/// A getter gives an empty result for a missing key. A key of another type than asked for, or a
/// missing required one, is an [InvalidInputException] that names the file, the key and both types.
public final class GgufMetadata {
  private final String source;
  private final Map<String, GgufValue> values;

  /// @param source the values' source, for messages: a file's path
  /// @param values by key, kept in this order
  public GgufMetadata(String source, Map<String, GgufValue> values) {
    this.source = source;
    this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /// The values' source, for messages.
  public String source() {
    return source;
  }

  /// All keys, in the file's order.
  public Set<String> keys() {
    return values.keySet();
  }

  /// The value of a key with its exact type.
  public Optional<GgufValue> value(String key) {
    return Optional.ofNullable(values.get(key));
  }

  /// A string.
  public Optional<String> string(String key) {
    return value(key)
        .map(
            value ->
                value instanceof GgufValue.TextValue text
                    ? text.value()
                    : fail(key, "a string", value));
  }

  /// A whole number of any width.
  public OptionalLong integer(String key) {
    GgufValue value = values.get(key);
    if (value == null) {
      return OptionalLong.empty();
    }
    if (!(value instanceof GgufValue.Int number)) {
      return fail(key, "a whole number", value);
    }
    return OptionalLong.of(signed(key, number.type(), number.value()));
  }

  /// A floating-point number.
  public OptionalDouble real(String key) {
    GgufValue value = values.get(key);
    if (value == null) {
      return OptionalDouble.empty();
    }
    return value instanceof GgufValue.Real number
        ? OptionalDouble.of(number.value())
        : fail(key, "a floating-point number", value);
  }

  /// True or false.
  public Optional<Boolean> bool(String key) {
    return value(key)
        .map(
            value ->
                value instanceof GgufValue.Bool bool ? bool.value() : fail(key, "a bool", value));
  }

  /// An array of strings.
  public Optional<List<String>> strings(String key) {
    return array(key, "an array of strings")
        .map(
            array -> {
              if (array.elementType() != GgufType.STRING) {
                return fail(key, "an array of strings", array);
              }
              return array.strings();
            });
  }

  /// An array of floating-point numbers, float64 rounded to float32.
  public Optional<float[]> floats(String key) {
    return array(key, "an array of floating-point numbers")
        .map(
            array -> {
              if (!array.elementType().isReal()) {
                return fail(key, "an array of floating-point numbers", array);
              }
              double[] wide = array.doubles();
              float[] floats = new float[wide.length];
              for (int i = 0; i < wide.length; i++) {
                floats[i] = (float) wide[i];
              }
              return floats;
            });
  }

  /// An array of whole numbers of any width, each of which fits an `int`.
  public Optional<int[]> ints(String key) {
    return array(key, "an array of whole numbers")
        .map(
            array -> {
              if (!array.elementType().isInteger()) {
                return fail(key, "an array of whole numbers", array);
              }
              long[] wide = array.longs();
              int[] ints = new int[wide.length];
              for (int i = 0; i < wide.length; i++) {
                ints[i] = (int) wide[i];
                if (ints[i] != signed(key, array.elementType(), wide[i])) {
                  throw new InvalidInputException(
                      source
                          + ": element "
                          + i
                          + " of key '"
                          + key
                          + "' is "
                          + wide[i]
                          + ", more than 32 bits hold");
                }
              }
              return ints;
            });
  }

  /// As [#string], for a key that must be there.
  public String requireString(String key) {
    return string(key).orElseThrow(() -> missing(key));
  }

  /// As [#integer], for a key that must be there.
  public long requireInteger(String key) {
    return integer(key).orElseThrow(() -> missing(key));
  }

  /// As [#real], for a key that must be there.
  public double requireReal(String key) {
    return real(key).orElseThrow(() -> missing(key));
  }

  /// As [#bool], for a key that must be there.
  public boolean requireBool(String key) {
    return bool(key).orElseThrow(() -> missing(key));
  }

  /// As [#strings], for a key that must be there.
  public List<String> requireStrings(String key) {
    return strings(key).orElseThrow(() -> missing(key));
  }

  /// As [#floats], for a key that must be there.
  public float[] requireFloats(String key) {
    return floats(key).orElseThrow(() -> missing(key));
  }

  /// As [#ints], for a key that must be there.
  public int[] requireInts(String key) {
    return ints(key).orElseThrow(() -> missing(key));
  }

  private Optional<GgufValue.Array> array(String key, String wanted) {
    return value(key)
        .map(value -> value instanceof GgufValue.Array array ? array : fail(key, wanted, value));
  }

  private long signed(String key, GgufType type, long value) {
    if (type == GgufType.UINT64 && value < 0) {
      throw new InvalidInputException(
          source
              + ": key '"
              + key
              + "' is "
              + Long.toUnsignedString(value)
              + ", more than 63 bits hold");
    }
    return value;
  }

  private InvalidInputException missing(String key) {
    return new InvalidInputException(
        source
            + ": the metadata has no key '"
            + key
            + "'. Is it a complete model file, converted by llama.cpp?");
  }

  private <T> T fail(String key, String wanted, GgufValue found) {
    String type =
        found instanceof GgufValue.Array array
            ? "an array of " + array.elementType()
            : "" + found.type();
    throw new InvalidInputException(
        source + ": key '" + key + "' should be " + wanted + ", but is " + type);
  }
}

package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.lorikeet.quant.InvalidInputException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.stream.StreamSupport;

/// A JSON object of a model's folder, such as `config.json` or a part of it. Values are asked for
/// under the names they have in different models, of which the first that is there counts; `null`
/// counts as not there. A value of the wrong type is an [InvalidInputException] that names file and
/// key.
final class Config {
  private final Path file;
  private final JsonNode node;

  Config(Path file, JsonNode node) {
    this.file = file;
    this.node = node;
  }

  /// The file that it comes from, for messages.
  Path file() {
    return file;
  }

  JsonNode json() {
    return node;
  }

  boolean has(String name) {
    return node.hasNonNull(name);
  }

  /// An object below this one, empty where there is none.
  Config part(String name) {
    JsonNode part = node.path(name);
    return new Config(file, part.isObject() ? part : MissingNode.getInstance());
  }

  OptionalLong integer(String... names) {
    return find(names, JsonNode::isIntegralNumber, "a whole number", JsonNode::longValue)
        .map(OptionalLong::of)
        .orElse(OptionalLong.empty());
  }

  long requireInteger(String... names) {
    return integer(names).orElseThrow(() -> missing(names));
  }

  /// As [#requireInteger], for counts and sizes, which a file can't have as zero or below.
  int requireSize(String... names) {
    long value = requireInteger(names);
    if (value < 1 || value > Integer.MAX_VALUE) {
      throw invalid("'%s' is %s, which can't be right".formatted(names[0], value));
    }
    return (int) value;
  }

  OptionalDouble real(String... names) {
    return find(names, JsonNode::isNumber, "a number", JsonNode::doubleValue)
        .map(OptionalDouble::of)
        .orElse(OptionalDouble.empty());
  }

  double requireReal(String... names) {
    return real(names).orElseThrow(() -> missing(names));
  }

  Optional<String> text(String... names) {
    return find(names, JsonNode::isTextual, "a string", JsonNode::textValue);
  }

  boolean flag(String name) {
    return find(new String[] {name}, JsonNode::isBoolean, "true or false", JsonNode::booleanValue)
        .orElse(false);
  }

  /// A list of numbers.
  Optional<float[]> floats(String name) {
    return list(name)
        .map(
            values -> {
              float[] floats = new float[values.size()];
              for (int i = 0; i < floats.length; i++) {
                if (!values.get(i).isNumber()) {
                  throw invalid("'" + name + "' should hold numbers only");
                }
                floats[i] = values.get(i).floatValue();
              }
              return floats;
            });
  }

  Optional<List<JsonNode>> list(String name) {
    return find(
        new String[] {name},
        JsonNode::isArray,
        "a list",
        array -> StreamSupport.stream(array.spliterator(), false).toList());
  }

  InvalidInputException invalid(String problem) {
    return new InvalidInputException(file + ": " + problem);
  }

  private InvalidInputException missing(String... names) {
    return invalid("there is no '" + String.join("' or '", names) + "', which this model needs");
  }

  private <T> Optional<T> find(
      String[] names, Function<JsonNode, Boolean> fits, String wanted, Function<JsonNode, T> read) {
    return Arrays.stream(names)
        .filter(this::has)
        .findFirst()
        .map(
            name -> {
              JsonNode value = node.get(name);
              if (!fits.apply(value)) {
                throw invalid("'%s' should be %s, but is %s".formatted(name, wanted, value));
              }
              return read.apply(value);
            });
  }
}

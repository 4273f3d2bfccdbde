package io.lorikeet.train.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedActivations;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.memory.Placement;
import io.lorikeet.train.settings.OptimizerState;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The way a run's numbers are computed: the device, the libraries and the order. Besides the
/// configuration, the last bits of its results depend on it. It is kept with the run's state, so
/// that a resumed run computes in the same way.
///
/// @param device ggml's name of the device
/// @param hardware the device's own name, and the processor that its library was built for
/// @param threads of the CPU
/// @param libraries the libraries that compute, with versions
/// @param products how the CPU multiplies large matrices
/// @param placement how the run is laid out in memory
@Beta
public record Computation(
    String device,
    String hardware,
    int threads,
    String libraries,
    ProductFormat products,
    Placement placement) {
  private static final String DEVICE = "device";
  private static final String OPTIMIZER_STATE = Settings.OPTIMIZER_STATE.key();
  private static final String SAVED_ACTIVATIONS = "saved-activations";
  private static final String CPU = "cpu";

  /// More batches than ever take turns.
  private static final int MOST_PASSES = 1 << 16;

  private static final ObjectMapper YAML =
      new ObjectMapper(
          YAMLFactory.builder()
              .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
              .disable(YAMLGenerator.Feature.SPLIT_LINES)
              .build());

  public static Computation of(Backend backend, Placement placement) {
    return new Computation(
        backend.device().name(),
        hardware(backend),
        backend.threads(),
        backend.libraries(),
        backend.productFormat(),
        placement);
  }

  /// Processors of several kinds have one name where machines are virtual.
  private static String hardware(Backend backend) {
    String features = String.join(" ", backend.features());
    String name = backend.device().description();
    return features.isEmpty() ? name : name + ", " + features;
  }

  private Map<String, Object> values() {
    PassShape shape = placement.shape();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put(DEVICE, device);
    values.put("hardware", hardware);
    values.put("threads", threads);
    values.put("libraries", libraries);
    values.put("products", Setting.name(products));
    values.put("attention-block", shape.attentionBlock());
    values.put("tile", shape.tile());
    values.put("head-chunk", shape.headChunk());
    values.put("keeps-copies", shape.keepsCopies());
    values.put("saved-inputs", Setting.name(placement.savedInputs()));
    values.put(SAVED_ACTIVATIONS, Setting.name(placement.savedActivations()));
    values.put(OPTIMIZER_STATE, Setting.name(placement.optimizerState()));
    values.put("streamed", placement.streamed());
    values.put("passes", placement.passes());
    return values;
  }

  /// As YAML that [#parse] reads.
  public String text() {
    try {
      return YAML.writeValueAsString(values());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("these are plain values", e);
    }
  }

  /// @param source where the text stands, for messages
  /// @param rows of a batch, see [PassShape]
  /// @param context tokens of a row
  /// @throws InvalidInputException when this isn't what [#text] wrote
  public static Computation parse(String source, String text, int rows, int context) {
    JsonNode values;
    try {
      values = YAML.readTree(text);
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(source + ": this isn't YAML", e);
    }
    Fields fields = new Fields(source, values);
    int most = Math.max(32, Math.multiplyExact(rows, context)); // blocks of short rows have 32
    PassShape shape =
        new PassShape(
            rows,
            context,
            fields.number("attention-block", most),
            fields.number("tile", most),
            fields.number("head-chunk", most),
            fields.flag("keeps-copies"));
    return new Computation(
        fields.text(DEVICE),
        fields.text("hardware"),
        fields.number("threads", Integer.MAX_VALUE),
        fields.text("libraries"),
        fields.choice("products", ProductFormat.class),
        placement(fields, shape));
  }

  private static Placement placement(Fields fields, PassShape shape) {
    Placement placement =
        new Placement(
            shape,
            fields.choice("saved-inputs", SavedInputs.class),
            fields.choice(OPTIMIZER_STATE, OptimizerState.class),
            fields.flag("streamed"),
            fields.number("passes", MOST_PASSES));
    if (!fields.has(SAVED_ACTIVATIONS)) {
      return placement; // of a version that had another choice; on the CPU it changes nothing
    }
    try {
      return placement.saving(fields.choice(SAVED_ACTIVATIONS, SavedActivations.class));
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException(
          "%s: %s: %s".formatted(fields.source(), SAVED_ACTIVATIONS, e.getMessage()), e);
    }
  }

  /// Values by their keys, each of which has to be there when it is asked for.
  private record Fields(String source, JsonNode values) {
    boolean has(String key) {
      return values.has(key);
    }

    public String text(String key) {
      JsonNode value = values.path(key);
      if (!value.isValueNode() || value.isNull()) {
        throw new InvalidInputException("%s: there is no '%s'".formatted(source, key));
      }
      return value.asText();
    }

    int number(String key, int most) {
      JsonNode value = values.path(key);
      if (!value.isInt() || value.asInt() < 1 || value.asInt() > most) {
        throw new InvalidInputException(
            "%s: %s: expected a number from 1 to %s, found %s"
                .formatted(source, key, most, text(key)));
      }
      return value.asInt();
    }

    boolean flag(String key) {
      return Boolean.parseBoolean(text(key));
    }

    <E extends Enum<E>> E choice(String key, Class<E> type) {
      String name = text(key);
      for (E value : type.getEnumConstants()) {
        if (Setting.name(value).equals(name)) {
          return value;
        }
      }
      throw new InvalidInputException("%s: %s can't be '%s'".formatted(source, key, name));
    }
  }

  /// The differences that can change the last bits of a result, in words; empty where they stay.
  public List<String> changesSince(Computation before) {
    Map<String, Object> now = values();
    Map<String, Object> then = before.values();
    if (!device.equals(before.device)) {
      now.keySet().retainAll(List.of(DEVICE)); // all the rest follows from it
    } else if (device.equals(CPU)) {
      // The same operations on the same processor.
      now.remove(OPTIMIZER_STATE);
      now.remove(SAVED_ACTIVATIONS);
    }
    List<String> changes = new ArrayList<>();
    now.forEach(
        (key, value) -> {
          if (!value.equals(then.get(key))) {
            changes.add("%s: %s instead of %s".formatted(key, value, then.get(key)));
          }
        });
    return changes;
  }
}

package io.lorikeet.quant;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// What libllama takes for granted of a model's metadata. Where it is wrong, an assertion ends the
/// process (`load_hparams` in `llama-model.cpp`, the limits in `llama-hparams.h`), so it is checked
/// before libllama is given the file.
public final class LlamaLimits {
  private static final int MOST_LAYERS = 512;
  private static final int MOST_EXPERTS = 1024;
  private static final List<String> ROPE_SCALINGS = List.of("none", "linear", "yarn", "longrope");

  /// Models that generate no text, with assertions of their own.
  private static final List<String> NO_LANGUAGE_MODELS = List.of("clip", "wavtokenizer-dec");

  private final GgufMetadata metadata;
  private final String architecture;
  private final List<String> problems = new ArrayList<>();

  private LlamaLimits(GgufMetadata metadata) {
    this.metadata = metadata;
    this.architecture = metadata.requireString("general.architecture");
  }

  /// Checks a model of any architecture that llama.cpp knows.
  ///
  /// @throws InvalidInputException with all keys whose values libllama couldn't bear, or without an
  ///     architecture
  public static void check(GgufFile model) {
    new LlamaLimits(model.metadata()).check();
  }

  private void check() {
    if (NO_LANGUAGE_MODELS.contains(architecture)) {
      throw new InvalidInputException(
          "%s is no language model: its architecture is '%s'"
              .formatted(metadata.source(), architecture));
    }
    long layers = metadata.requireInteger(key("block_count"));
    between(key("block_count"), layers, 1, MOST_LAYERS);
    between(key("nextn_predict_layers"), number("nextn_predict_layers"), 0, layers);
    checkExperts();
    String scaling = metadata.string(key("rope.scaling.type")).orElse("linear");
    if (!ROPE_SCALINGS.contains(scaling)) {
      problems.add(
          "%s is '%s', and should be one of %s"
              .formatted(key("rope.scaling.type"), scaling, String.join(", ", ROPE_SCALINGS)));
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          metadata.source() + ": metadata that can't be right; convert the model again", problems);
    }
  }

  private void checkExperts() {
    long experts = number("expert_count");
    long groups = number("expert_group_count");
    long used = usedExperts();
    between(key("expert_count"), experts, 0, MOST_EXPERTS);
    if (experts == 0) {
      between(key("expert_used_count"), used, 0, 0);
      between(key("expert_group_count"), groups, 0, 0);
      return;
    }
    between(key("expert_used_count"), used, 1, experts);
    between(key("expert_group_count"), groups, 0, experts - 1);
    if (groups > 1) {
      between(key("expert_group_used_count"), number("expert_group_used_count"), 1, groups - 1);
      if (experts % groups != 0) {
        problems.add(
            "%s is %s, which %s groups don't divide"
                .formatted(key("expert_count"), experts, groups));
      }
    }
  }

  /// The most experts that any layer uses: one number for all, or one for each layer.
  private long usedExperts() {
    String key = key("expert_used_count");
    if (metadata.value(key).orElse(null) instanceof GgufValue.Array) {
      return Arrays.stream(metadata.requireInts(key)).max().orElse(0);
    }
    return number("expert_used_count");
  }

  private long number(String name) {
    return metadata.integer(key(name)).orElse(0);
  }

  private String key(String name) {
    return architecture + "." + name;
  }

  private void between(String key, long value, long least, long most) {
    if (value < least || value > most) {
      String range = least == most ? "be " + least : "be between %s and %s".formatted(least, most);
      problems.add("%s is %s, and should %s".formatted(key, value, range));
    }
  }
}

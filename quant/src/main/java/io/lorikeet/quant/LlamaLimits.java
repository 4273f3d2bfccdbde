package io.lorikeet.quant;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Conditions of libllama and ggml on a model's metadata and its tensors' types that don't end in
/// an error. Where one is violated, an assertion ends the process (`load_hparams` in
/// `llama-model.cpp`, the limits in `llama-hparams.h`), or all results are NaN. So every model is
/// checked before they are given the file. Only the head of the file is read; [FiniteWeights]
/// checks the weights.
public final class LlamaLimits {
  private static final int MOST_LAYERS = 512;
  private static final int MOST_EXPERTS = 1024;
  private static final long MOST_TOKENS = 1 << 28;
  private static final long MOST_WIDTH = 1 << 24;
  private static final String MODEL = "model";
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
  /// @throws InvalidInputException with all keys and tensors that libllama couldn't bear, or
  ///     without an architecture
  public static void check(GgufFile model) {
    new LlamaLimits(model.metadata()).check();
    TensorTypes.check(model);
  }

  private void check() {
    String type = metadata.string("general.type").orElse(MODEL);
    if (!type.equals(MODEL) || NO_LANGUAGE_MODELS.contains(architecture)) {
      throw new InvalidInputException(
          "%s is no language model: its general.type is '%s', its architecture '%s'. Give a base"
              .formatted(metadata.source(), type, architecture));
    }
    long layers = metadata.requireInteger(key("block_count"));
    between(key("block_count"), layers, 1, MOST_LAYERS);
    between(key("nextn_predict_layers"), number("nextn_predict_layers"), 0, layers);
    between(key("context_length"), metadata.requireInteger(key("context_length")), 1, MOST_TOKENS);
    long width = metadata.requireInteger(key("embedding_length"));
    between(key("embedding_length"), width, 1, MOST_WIDTH);
    checkExperts();
    int counted = Math.clamp(layers, 0, MOST_LAYERS);
    new AttentionLimits(metadata, architecture, counted, width, problems).check();
    new SharedKeyLimits(metadata, architecture, counted, problems).check();
    checkReals();
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

  /// Floating-point numbers of the architecture: a NaN or an infinite one leaves nothing but NaN.
  private void checkReals() {
    for (String key : metadata.keys()) {
      // llama.cpp doesn't read Gemma 3n's cutoffs, which are infinite in layers without one.
      if (!key.startsWith(architecture + ".") || key.endsWith(".activation_sparsity_scale")) {
        continue;
      }
      switch (metadata.value(key).orElseThrow()) {
        case GgufValue.Real(GgufType _, double value) -> checkReal(key, value);
        case GgufValue.Array array when array.elementType().isReal() ->
            Arrays.stream(array.doubles())
                .filter(value -> !Double.isFinite((float) value))
                .findFirst()
                .ifPresent(value -> problems.add("%s holds %s".formatted(key, value)));
        default -> {
          // checked where it is used
        }
      }
    }
  }

  private void checkReal(String key, double value) {
    if (!Double.isFinite((float) value)) {
      problems.add("%s is %s, which is no finite number".formatted(key, value));
    } else if (key.endsWith("epsilon") && (value < 0 || value > 1)) {
      problems.add("%s is %s, and should be between 0 and 1".formatted(key, value));
    } else if (key.startsWith(key("rope.freq_base")) && value <= 0) {
      problems.add("%s is %s, and should be above 0".formatted(key, value));
    } else if (List.of(key("rope.scaling.factor"), key("rope.scale_linear")).contains(key)
        && value < 0) {
      problems.add("%s is %s, and should be 0 or more".formatted(key, value));
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

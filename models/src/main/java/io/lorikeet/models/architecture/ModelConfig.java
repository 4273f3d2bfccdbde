package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Ops.RopeParameters;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.LlamaLimits;

/// What a base of the `llama` architecture looks like, from its metadata (keys as in llama.cpp's
/// `llama-model.cpp`).
///
/// @param architecture `general.architecture`
/// @param layers transformer layers
/// @param embedding length of a hidden state
/// @param feedForward width of the feed-forward part
/// @param heads query heads
/// @param keyValueHeads key and value heads; divides `heads`
/// @param headSize elements of a head
/// @param vocabulary tokens in the vocabulary
/// @param contextLength tokens the base was trained to see
/// @param rmsEpsilon epsilon of the norms
/// @param attentionScale factor of the attention scores
/// @param rope rotary position embedding
/// @param tied whether the head is the token embedding
public record ModelConfig(
    String architecture,
    int layers,
    int embedding,
    int feedForward,
    int heads,
    int keyValueHeads,
    int headSize,
    int vocabulary,
    int contextLength,
    float rmsEpsilon,
    float attentionScale,
    RopeParameters rope,
    boolean tied) {

  /// The architectures that can be trained.
  public static final String SUPPORTED = "llama";

  /// Reads and checks the configuration of a base, and that its tensors are those of its
  /// architecture.
  ///
  /// @throws InvalidInputException when the architecture isn't supported, a key is missing or
  ///     absurd, or tensors are missing, misshapen or unknown (all are named)
  public static ModelConfig of(GgufFile base) {
    GgufMetadata metadata = base.metadata();
    String architecture = metadata.requireString("general.architecture");
    if (!architecture.equals(SUPPORTED)) {
      throw new InvalidInputException(
          "%s is a model of the architecture '%s'; Lorikeet trains: %s"
              .formatted(base.path(), architecture, SUPPORTED));
    }
    LlamaLimits.check(base);
    Keys keys = new Keys(base, architecture);
    keys.requireAbsentOrZero("expert_count", "mixtures of experts");
    int embedding = keys.positive("embedding_length");
    int heads = keys.positive("attention.head_count");
    int headSize = keys.positive("attention.key_length", embedding / heads);
    int context = keys.positive("context_length");
    GgufTensor tokens =
        base.tensor("token_embd.weight")
            .orElseThrow(
                () -> new InvalidInputException(base.path() + " has no tensor token_embd.weight"));
    double scale = keys.real("attention.scale", 0);
    ModelConfig config =
        new ModelConfig(
            architecture,
            keys.positive("block_count"),
            embedding,
            keys.positive("feed_forward_length"),
            heads,
            keys.positive("attention.head_count_kv", heads),
            headSize,
            Math.toIntExact(tokens.shape().size() < 2 ? 1 : tokens.shape().get(1)),
            context,
            (float) keys.requireReal("attention.layer_norm_rms_epsilon"),
            scale == 0 ? (float) (1 / Math.sqrt(headSize)) : (float) scale,
            RopeMetadata.read(keys, headSize, context),
            base.tensor("output.weight").isEmpty());
    keys.requireEqual("attention.value_length", headSize);
    if (heads % config.keyValueHeads() != 0) {
      throw new InvalidInputException(
          "%s has %d heads, which %d key-value heads don't divide"
              .formatted(base.path(), heads, config.keyValueHeads()));
    }
    TensorInventory.check(base, config);
    return config;
  }

  /// Elements of all query heads.
  public int queryWidth() {
    return heads * headSize;
  }

  /// Elements of all key heads, or value heads.
  public int keyValueWidth() {
    return keyValueHeads * headSize;
  }

  /// Name of the tensor that turns hidden states into logits.
  public String headTensor() {
    return tied ? "token_embd.weight" : "output.weight";
  }

  /// Typed access to the keys of an architecture.
  record Keys(GgufFile base, String architecture) {
    private static final long LIMIT = 1 << 28;

    private String full(String key) {
      return architecture + "." + key;
    }

    int positive(String key) {
      return checked(key, base.metadata().requireInteger(full(key)));
    }

    int positive(String key, int otherwise) {
      return checked(key, base.metadata().integer(full(key)).orElse(otherwise));
    }

    private int checked(String key, long value) {
      if (value < 1 || value > LIMIT) {
        throw new InvalidInputException(
            "%s: %s is %d, which can't be".formatted(base.path(), full(key), value));
      }
      return (int) value;
    }

    double requireReal(String key) {
      return base.metadata().requireReal(full(key));
    }

    double real(String key, double otherwise) {
      return base.metadata().real(full(key)).orElse(otherwise);
    }

    String string(String key, String otherwise) {
      return base.metadata().string(full(key)).orElse(otherwise);
    }

    void requireAbsentOrZero(String key, String what) {
      if (base.metadata().integer(full(key)).orElse(0) != 0) {
        throw new InvalidInputException(
            "%s: %s (%s) aren't supported; Lorikeet trains dense models of the architecture %s"
                .formatted(base.path(), what, full(key), SUPPORTED));
      }
    }

    void requireEqual(String key, int expected) {
      long value = base.metadata().integer(full(key)).orElse(expected);
      if (value != expected) {
        throw new InvalidInputException(
            "%s: %s is %d; only %d is supported, as for the keys"
                .formatted(base.path(), full(key), value, expected));
      }
    }
  }
}

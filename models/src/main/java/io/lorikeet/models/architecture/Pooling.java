package io.lorikeet.models.architecture;

import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.InvalidInputException;

/// Which of a text's states make its embedding, as llama.cpp's `pooling_type` says.
public enum Pooling {
  /// The mean of all of them.
  MEAN(1),
  /// The last token's.
  LAST(3);

  private static final String[] NAMES = {"none", "mean", "cls", "last", "rank"};

  private final int id;

  Pooling(int id) {
    this.id = id;
  }

  /// llama.cpp's number of it (`enum llama_pooling_type`).
  public int id() {
    return id;
  }

  /// In words.
  public String inWords() {
    return this == MEAN ? "the mean of a text's states" : "the state of a text's last token";
  }

  /// A base's own. Where it names none, as language models do, the last token's state is taken:
  /// the only one that has seen the whole text.
  ///
  /// @throws InvalidInputException when it names one that a causal model has no use for, or its
  ///     attention isn't causal
  public static Pooling of(GgufMetadata base) {
    String architecture = base.requireString("general.architecture");
    if (!base.bool(architecture + ".attention.causal").orElse(true)) {
      throw new InvalidInputException(
          "%s: its tokens see those after them (%s.attention.causal is false), and Lorikeet trains causal models only"
              .formatted(base.source(), architecture));
    }
    if (!isNamed(base)) {
      return LAST;
    }
    String key = key(base);
    long named = base.requireInteger(key);
    for (Pooling pooling : values()) {
      if (pooling.id == named) {
        return pooling;
      }
    }
    String name = named > 0 && named < NAMES.length ? " (" + NAMES[(int) named] + ")" : "";
    throw new InvalidInputException(
        "%s: %s is %s%s; embeddings of a causal model are pooled by mean or last"
            .formatted(base.source(), key, named, name));
  }

  /// Whether a base names its pooling, so that programs needn't be told.
  public static boolean isNamed(GgufMetadata base) {
    return base.integer(key(base)).orElse(0) != 0;
  }

  private static String key(GgufMetadata base) {
    return base.requireString("general.architecture") + ".pooling_type";
  }
}

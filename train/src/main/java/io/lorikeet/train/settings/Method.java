package io.lorikeet.train.settings;

/// How a run learns from anything but examples: from preferences, or from queries and passages.
public enum Method {
  /// Direct preference optimization (arXiv 2305.18290).
  DPO,
  /// Identity preference optimization (arXiv 2310.12036), by means over an answer's tokens.
  IPO,
  /// Simple preference optimization (arXiv 2405.14734).
  SIMPO,
  /// Odds ratio preference optimization (arXiv 2403.07691).
  ORPO,
  /// Kahneman-Tversky optimization (arXiv 2402.01306): of single answers, good or bad.
  KTO,
  /// InfoNCE (arXiv 1807.03748): of queries and their passages, whose embeddings are compared.
  CONTRASTIVE;

  /// Whether a run learns so.
  public boolean isOf(TrainingConfig config) {
    return config.find(Settings.METHOD).filter(this::equals).isPresent();
  }

  /// Whether the adapter is compared with what it began as, or with another.
  public boolean hasReference() {
    return this == DPO || this == IPO || this == KTO;
  }

  /// Whether it learns from two answers to each prompt.
  public boolean takesPairs() {
    return this != KTO && this != CONTRASTIVE;
  }

  /// As people write it.
  public String title() {
    return switch (this) {
      case SIMPO -> "SimPO";
      case CONTRASTIVE -> "contrastive learning";
      default -> name();
    };
  }
}

package io.lorikeet.finetune;

import io.lorikeet.bindings.Beta;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.LlamaLimits;

/// How long texts a base was made for.
@Beta
public final class BaseContext {

  private BaseContext() {}

  /// Tokens of the longest text, of a base of any architecture.
  ///
  /// @throws InvalidInputException if it doesn't say so or llama.cpp couldn't bear its metadata
  public static int length(GgufFile base) {
    LlamaLimits.check(base);
    String key = base.metadata().requireString("general.architecture") + ".context_length";
    return Math.clamp(base.metadata().requireInteger(key), 0, Integer.MAX_VALUE);
  }

  /// Tokens that some layers see at most; 0 where all see all before them, or the base isn't one
  /// that can be trained.
  public static int window(GgufFile base) {
    try {
      return ModelConfig.of(base).reach();
    } catch (InvalidInputException _) {
      return 0; // training on it prints a warning; here the data is only shown
    }
  }
}

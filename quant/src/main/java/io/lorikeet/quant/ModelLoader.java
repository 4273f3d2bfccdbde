package io.lorikeet.quant;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import java.io.IOException;
import java.nio.file.Path;

/// The one way a model's file gets into libllama. Files that would end the process in libllama or
/// ggml are refused before: by their metadata ([LlamaLimits]), their vocabulary, and, where weights
/// are loaded, numbers that aren't finite ([FiniteWeights]).
public final class ModelLoader {
  /// The alignment that ggml requires of a tensor's address; GGUF allows less.
  private static final int ALIGNMENT = 32;

  private ModelLoader() {}

  /// Loads a file.
  ///
  /// @param path a GGUF model, of a split one any file
  /// @throws InvalidInputException when it isn't one, or llama.cpp can't use it
  /// @throws IOException when it can't be read
  public static LlamaModel load(Path path, LlamaModel.Options options) throws IOException {
    try (GgufFile file = GgufFile.open(path)) {
      return load(file, options);
    }
  }

  /// Loads a file that is open already; it may be closed before the model is.
  ///
  /// @throws InvalidInputException when llama.cpp can't use it
  /// @throws GgmlException when the memory can't be had
  public static LlamaModel load(GgufFile file, LlamaModel.Options options) {
    VocabularyLimits.check(file.metadata());
    if (!options.vocabularyOnly()) {
      check(file);
    }
    LlamaModel model = open(file, isAligned(file) ? options : options.unmapped());
    try {
      requireSpecialTokens(file, model.vocabulary());
      return model;
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  /// Checks a model that is computed with, here or by libllama: metadata, types and weights.
  ///
  /// @throws InvalidInputException with all problems of the first kind that there is
  public static void check(GgufFile file) {
    LlamaLimits.check(file);
    FiniteWeights.require(file);
  }

  private static LlamaModel open(GgufFile file, LlamaModel.Options options) {
    try {
      return LlamaModel.load(file.paths().getFirst(), options);
    } catch (GgmlException e) {
      if (e.getMessage().contains("alloc")) {
        throw e;
      }
      throw new InvalidInputException(
          e.getMessage() + ". Give a complete model that llama.cpp knows", e);
    }
  }

  private static boolean isAligned(GgufFile file) {
    return file.tensors().stream().allMatch(tensor -> tensor.offset() % ALIGNMENT == 0);
  }

  private static void requireSpecialTokens(GgufFile file, LlamaVocabulary vocabulary) {
    if (vocabulary.addsBos() && vocabulary.bos().isEmpty()) {
      throw lacking(file, "begin", "bos");
    }
    if (vocabulary.addsEos() && vocabulary.eos().isEmpty()) {
      throw lacking(file, "end", "eos");
    }
  }

  private static InvalidInputException lacking(GgufFile file, String what, String token) {
    String key = "tokenizer.ggml." + token + "_token_id";
    String given =
        file.metadata().value(key).isPresent()
            ? "is " + file.metadata().requireInteger(key) + ", which no token of the vocabulary is"
            : "is missing";
    return new InvalidInputException(
        "%s: llama.cpp %ss every text with a token, and the key that names it, %s, %s. Convert the model again"
            .formatted(file.path(), what, key, given));
  }
}

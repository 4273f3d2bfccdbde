package io.lorikeet.models.text;

import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.quant.GgufFile;
import java.util.OptionalInt;

/// A base's own tokenizer: libllama with the file's vocabulary and none of its weights.
public final class Tokenizer implements AutoCloseable {
  private final LlamaModel model;
  private final LlamaVocabulary vocabulary;

  private Tokenizer(LlamaModel model) {
    this.model = model;
    vocabulary = model.vocabulary();
  }

  /// Opens the tokenizer of a base, which has been checked by being open.
  ///
  /// @throws io.lorikeet.bindings.GgmlException when libllama can't use the vocabulary
  public static Tokenizer open(GgufFile base) {
    return new Tokenizer(LlamaModel.load(base.path(), LlamaModel.Options.VOCABULARY));
  }

  /// The tokens of a text.
  ///
  /// @param addSpecial whether BOS and EOS are added where the vocabulary wants them
  /// @param parseSpecial whether special tokens written out in the text become such; never for text
  ///     that a user wrote
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    return vocabulary.tokenize(text, addSpecial, parseSpecial);
  }

  /// The text of tokens, special ones left out.
  public String decode(int... tokens) {
    return vocabulary.detokenize(tokens, true, false);
  }

  /// The token that llama.cpp puts before every prompt of this base, if it does.
  public OptionalInt begin() {
    return vocabulary.addsBos() ? vocabulary.bos() : OptionalInt.empty();
  }

  /// The token that ends a text, on which generation stops: end of sequence, or end of turn where
  /// the vocabulary has only that.
  public OptionalInt end() {
    return vocabulary.eos().isPresent() ? vocabulary.eos() : vocabulary.eot();
  }

  /// Tokens in the vocabulary.
  public int size() {
    return vocabulary.size();
  }

  @Override
  public void close() {
    model.close();
  }
}

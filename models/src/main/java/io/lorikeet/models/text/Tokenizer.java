package io.lorikeet.models.text;

import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalInt;

/// A base's own tokenizer: llama.cpp's, with the vocabulary of the base's GGUF file and none of its
/// weights. Safe for use by several threads at once.
public final class Tokenizer implements AutoCloseable {
  private final LlamaModel model;
  private final LlamaVocabulary vocabulary;
  private final String hash;
  private final ChatTemplates chatTemplates;

  private Tokenizer(LlamaModel model, String hash, ChatTemplates chatTemplates) {
    this.model = model;
    this.hash = hash;
    this.chatTemplates = chatTemplates;
    vocabulary = model.vocabulary();
  }

  /// Opens the tokenizer of a base.
  ///
  /// @throws io.lorikeet.quant.InvalidInputException when it isn't a GGUF file, or llama.cpp can't
  ///     use its vocabulary
  /// @throws IOException when it can't be read
  public static Tokenizer open(Path base) throws IOException {
    try (GgufFile file = GgufFile.open(base)) {
      return open(file);
    }
  }

  /// Opens the tokenizer of a base that is open already; it may be closed before the tokenizer is.
  ///
  /// @throws io.lorikeet.quant.InvalidInputException when llama.cpp can't use its vocabulary
  public static Tokenizer open(GgufFile base) {
    Path first = base.paths().getFirst();
    return new Tokenizer(
        ModelLoader.load(base, LlamaModel.Options.VOCABULARY),
        VocabularyHash.of(base.metadata()),
        ChatTemplates.of(base.metadata(), first.getFileName().toString()));
  }

  /// Tokens of a text, see [LlamaVocabulary#tokenize]: llama.cpp's programs set both flags for a
  /// prompt.
  ///
  /// @param addSpecial adds the tokens that the vocabulary wants before and after a text
  /// @param parseSpecial takes the text of a control token, such as `<|im_end|>`, for that token
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    return vocabulary.tokenize(text, addSpecial, parseSpecial);
  }

  /// The text of tokens; control tokens are left out.
  public String decode(int... tokens) {
    return vocabulary.detokenize(tokens, true, false);
  }

  /// The token that llama.cpp puts before a prompt, if the vocabulary wants one there.
  public OptionalInt begin() {
    return vocabulary.addsBos() ? vocabulary.bos() : OptionalInt.empty();
  }

  /// The token that begins texts, whether llama.cpp puts it before a prompt or not.
  public OptionalInt bos() {
    return vocabulary.bos();
  }

  /// The bytes of a token's text, of a control token's too. A character can be several tokens.
  public byte[] bytes(int token) {
    return vocabulary.piece(token, true);
  }

  /// Whether a token is one of control, whose text isn't part of what a model says.
  public boolean isControl(int token) {
    return vocabulary.piece(token, false).length == 0 && vocabulary.piece(token, true).length > 0;
  }

  /// The token that ends a text, at which generation stops: end of text, or of turn where there is
  /// nothing else.
  public OptionalInt end() {
    return vocabulary.eos().isPresent() ? vocabulary.eos() : vocabulary.eot();
  }

  /// Whether llama.cpp stops generating at this token.
  public boolean isEndOfGeneration(int token) {
    return vocabulary.isEndOfGeneration(token);
  }

  /// Number of tokens in the vocabulary.
  public int size() {
    return vocabulary.size();
  }

  /// SHA-256 of all that decides how text becomes tokens, as 64 hexadecimal digits. Quantizing a
  /// model keeps it.
  public String hash() {
    return hash;
  }

  /// The chat templates that the base brings along.
  public ChatTemplates chatTemplates() {
    return chatTemplates;
  }

  /// All that llama.cpp knows of the vocabulary.
  public LlamaVocabulary vocabulary() {
    return vocabulary;
  }

  @Override
  public void close() {
    model.close();
  }
}

package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.llama.Llama;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/// The vocabulary of a model: text to token ids and back, as llama.cpp does it. Safe for use by
/// several threads at once, as long as the model stays open.
public final class LlamaVocabulary {
  private final LlamaModel model;
  private final MemorySegment handle;
  private final int size;
  private final boolean hasText;
  private final boolean splitsAtSpaces;
  private final boolean losesSpaces;
  private final Optional<Spelling> spelling;
  private final OptionalInt bos;
  private final OptionalInt eos;

  LlamaVocabulary(LlamaModel model) {
    this.model = model;
    handle = Llama.llama_model_get_vocab(model.handle());
    size = Llama.llama_vocab_n_tokens(handle);
    hasText = Llama.llama_vocab_type(handle) != Llama.LLAMA_VOCAB_TYPE_NONE();
    splitsAtSpaces = model.metadata("tokenizer.ggml.pre").filter("exaone-moe"::equals).isEmpty();
    losesSpaces = model.metadata("tokenizer.ggml.pre").filter("whitespace"::equals).isPresent();
    // Only SentencePiece vocabularies have texts that libllama doesn't survive.
    spelling =
        Llama.llama_vocab_type(handle) == Llama.LLAMA_VOCAB_TYPE_SPM()
            ? Optional.of(new Spelling(this)).filter(found -> !found.isComplete())
            : Optional.empty();
    bos = special("bos", Llama.llama_vocab_bos(handle));
    eos = special("eos", Llama.llama_vocab_eos(handle));
  }

  /// A special token that the file names, or else libllama's fallback if that is a control token:
  /// for vocabularies of byte pairs the fallback is token 11, mostly a comma.
  ///
  /// @param token libllama's choice, negative for none
  private OptionalInt special(String name, int token) {
    if (token < 0 || !isNamed(name) && (attributes(token) & Spelling.CONTROL) == 0) {
      return OptionalInt.empty();
    }
    return OptionalInt.of(token);
  }

  private boolean isNamed(String name) {
    return model
        .metadata("tokenizer.ggml." + name + "_token_id")
        .filter(id -> Long.parseLong(id) < size)
        .isPresent();
  }

  /// Number of tokens; ids are from 0 up to it.
  public int size() {
    return size;
  }

  /// Token ids of a text. Characters that a SentencePiece vocabulary has no tokens for become its
  /// unknown token.
  ///
  /// @param addSpecial adds what the vocabulary wants around a text ([#addsBos], [#addsEos]).
  ///     llama.cpp's programs tokenize prompts with it.
  /// @param parseSpecial takes the text of a control token, such as `<|im_end|>`, for that token
  ///     instead of spelling it. llama.cpp's programs tokenize prompts with it.
  /// @throws UnusableModelException when the vocabulary wants a token that it doesn't have, or
  ///     loses spaces
  public int[] tokenize(String text, boolean addSpecial, boolean parseSpecial) {
    handle();
    if (losesSpaces) { // and with some vocabularies ends the process at the first one
      throw new UnusableModelException(
          model.file()
              + " has the pre-tokenizer 'whitespace', which is for embeddings: it loses spaces");
    }
    if (addSpecial) {
      requireSpecialTokens();
    }
    spelling.ifPresent(this::requireTexts);
    List<String> parts =
        spelling.map(found -> found.parts(text, parseSpecial)).orElse(List.of(text));
    if (parts.size() > 1) {
      return tokenizeWithUnknown(parts, addSpecial, parseSpecial);
    }
    if (Llama.llama_vocab_type(handle) == Llama.LLAMA_VOCAB_TYPE_BPE()) {
      int longest = splitsAtSpaces ? DeepStack.longestMatch(text) : text.length();
      return DeepStack.call(longest, () -> tokenizeSpelled(text, addSpecial, parseSpecial));
    }
    return tokenizeSpelled(text, addSpecial, parseSpecial);
  }

  private int[] tokenizeSpelled(String text, boolean addSpecial, boolean parseSpecial) {
    if (spelling.isPresent() && !text.isEmpty() && addsSpace() && !spelling.get().hasSpace()) {
      throw new UnusableModelException(
          model.file() + " puts a space before every text, and has no token for it");
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment input = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
      // Enough but for byte-spelled text of one or two characters and the space that some
      // vocabularies put before it.
      int guess = Math.addExact(bytes.length, 8);
      MemorySegment ids = arena.allocate(ValueLayout.JAVA_INT, guess);
      int count =
          Llama.llama_tokenize(handle, input, bytes.length, ids, guess, addSpecial, parseSpecial);
      if (count < 0 && count != Integer.MIN_VALUE) {
        ids = arena.allocate(ValueLayout.JAVA_INT, -count);
        count =
            Llama.llama_tokenize(
                handle, input, bytes.length, ids, -count, addSpecial, parseSpecial);
      }
      if (count < 0) {
        throw new GgmlException("llama.cpp can't tokenize a text of " + bytes.length + " bytes");
      }
      return ids.asSlice(0, (long) count * Integer.BYTES).toArray(ValueLayout.JAVA_INT);
    }
  }

  /// Tokenizes parts with an unknown token between each two. Only the first may get a space before
  /// it; the others are tokenized behind a separator that merges with nothing, and whose tokens are
  /// then left out.
  private int[] tokenizeWithUnknown(List<String> parts, boolean addSpecial, boolean parseSpecial) {
    String separator =
        spelling
            .flatMap(Spelling::separator)
            .orElseThrow(
                () ->
                    new UnusableModelException(
                        "the vocabulary of " + model.file() + " can't spell all of the text"));
    int[] before = tokenizeSpelled(separator, false, false);
    IntStream.Builder ids = IntStream.builder();
    if (addSpecial && addsBos()) {
      ids.add(bos().orElseThrow());
    }
    int[] first =
        parts.getFirst().isEmpty()
            ? Arrays.copyOf(before, before.length - 1)
            : tokenizeSpelled(parts.getFirst(), false, parseSpecial);
    Arrays.stream(first).forEach(ids::add);
    for (String part : parts.subList(1, parts.size())) {
      ids.add(unknownToken());
      Arrays.stream(tokenizeSpelled(separator + part, false, parseSpecial))
          .skip(before.length)
          .forEach(ids::add);
    }
    if (addSpecial && addsEos()) {
      ids.add(eos().orElseThrow());
    }
    return ids.build().toArray();
  }

  /// The token that [#tokenize] gives for characters that the vocabulary can't spell; empty where
  /// it can spell all.
  public OptionalInt unknown() {
    return spelling.isPresent() ? OptionalInt.of(unknownToken()) : OptionalInt.empty();
  }

  /// SentencePiece's is 0 unless the file names another.
  private int unknownToken() {
    return model
        .metadata("tokenizer.ggml.unknown_token_id")
        .map(Long::parseLong)
        .filter(id -> id < size)
        .orElse(0L)
        .intValue();
  }

  /// The text of token ids. Bytes that are no UTF-8 become U+FFFD.
  ///
  /// @param removeSpecial leaves out what `addSpecial` added
  /// @param showSpecial gives control tokens as their text; otherwise they are left out
  public String detokenize(int[] tokens, boolean removeSpecial, boolean showSpecial) {
    MemorySegment vocabulary = handle();
    for (int token : tokens) {
      requireToken(token);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment ids = arena.allocateFrom(ValueLayout.JAVA_INT, tokens);
      int guess = Math.addExact(Math.multiplyExact(tokens.length, 8), 64);
      MemorySegment text = arena.allocate(guess);
      int length =
          Llama.llama_detokenize(
              vocabulary, ids, tokens.length, text, guess, removeSpecial, showSpecial);
      if (length < 0) {
        text = arena.allocate(-length);
        length =
            Llama.llama_detokenize(
                vocabulary, ids, tokens.length, text, -length, removeSpecial, showSpecial);
      }
      byte[] bytes = text.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  /// The bytes that a token adds to a text; they can be a part of a character.
  ///
  /// @param showSpecial gives a control token as its text; otherwise it is empty
  public byte[] piece(int token, boolean showSpecial) {
    MemorySegment vocabulary = handle();
    requireToken(token);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(64);
      int length = Llama.llama_token_to_piece(vocabulary, token, bytes, 64, 0, showSpecial);
      if (length < 0) {
        bytes = arena.allocate(-length);
        length = Llama.llama_token_to_piece(vocabulary, token, bytes, -length, 0, showSpecial);
      }
      return bytes.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /// A token as the vocabulary spells it, such as `▁the`.
  public String tokenText(int token) {
    MemorySegment vocabulary = handle();
    requireToken(token);
    return NativeText.string(Llama.llama_vocab_get_text(vocabulary, token)).orElse("");
  }

  boolean isUtf8(int token) {
    requireToken(token);
    return NativeText.isUtf8(Llama.llama_vocab_get_text(handle(), token));
  }

  /// The token that begins a text; empty where the file names none and the one that libllama takes
  /// then is no control token.
  public OptionalInt bos() {
    handle();
    return bos;
  }

  /// The token that ends a text; empty as [#bos].
  public OptionalInt eos() {
    handle();
    return eos;
  }

  /// The token that ends a turn of a chat.
  public OptionalInt eot() {
    return optional(Llama.llama_vocab_eot(handle()));
  }

  /// Whether a text is to begin with [#bos].
  public boolean addsBos() {
    return Llama.llama_vocab_get_add_bos(handle());
  }

  /// Whether a text is to end with [#eos].
  public boolean addsEos() {
    return Llama.llama_vocab_get_add_eos(handle());
  }

  /// Whether generation stops at this token: where llama.cpp stops, but for an end of text that
  /// only libllama's fallback makes one.
  public boolean isEndOfGeneration(int token) {
    MemorySegment vocabulary = handle();
    requireToken(token);
    boolean assumed = eos.isEmpty() && token == Llama.llama_vocab_eos(vocabulary);
    return !assumed && Llama.llama_vocab_is_eog(vocabulary, token);
  }

  /// The model's chat template, in Jinja.
  public Optional<String> chatTemplate() {
    return NativeText.string(Llama.llama_model_chat_template(model.handle(), MemorySegment.NULL));
  }

  /// The texts of the control tokens, such as `<|im_end|>`, and of the unknown token: what
  /// `parseSpecial` finds in a text.
  public List<String> controlTokens() {
    handle();
    return IntStream.range(0, size)
        .filter(token -> (attributes(token) & (Spelling.CONTROL | Spelling.UNKNOWN)) != 0)
        .mapToObj(this::tokenText)
        .filter(text -> !text.isEmpty())
        .toList();
  }

  /// Whether `parseSpecial` drops the blanks before a control token.
  public boolean stripsBefore(int token) {
    requireToken(token);
    return (attributes(token) & Spelling.STRIPS_BEFORE) != 0;
  }

  /// Whether `parseSpecial` drops the blanks after a control token.
  public boolean stripsAfter(int token) {
    requireToken(token);
    return (attributes(token) & Spelling.STRIPS_AFTER) != 0;
  }

  /// The flags of `enum llama_token_attr`.
  int attributes(int token) {
    return Llama.llama_vocab_get_attr(handle(), token);
  }

  private boolean addsSpace() {
    return model
        .metadata("tokenizer.ggml.add_space_prefix")
        .map(Boolean::parseBoolean)
        .orElse(true);
  }

  private void requireSpecialTokens() {
    boolean incomplete =
        addsBos() && bos().isEmpty()
            || addsEos() && eos().isEmpty()
            || Llama.llama_vocab_type(handle()) == Llama.LLAMA_VOCAB_TYPE_WPM()
                && (bos().isEmpty() || Llama.llama_vocab_sep(handle()) < 0);
    if (incomplete) {
      throw new UnusableModelException(
          "the vocabulary of "
              + model.file()
              + " wants to begin or end a text with a token that it doesn't have");
    }
  }

  private void requireTexts(Spelling found) {
    if (!found.broken().isEmpty()) {
      throw new UnusableModelException(
          "%s: the texts of tokens %s aren't UTF-8, and llama.cpp can't spell every text without them; convert the model again"
              .formatted(model.file(), found.broken()));
    }
  }

  private void requireToken(int token) {
    if (token < 0 || token >= size) {
      throw new IllegalArgumentException("token " + token + " is not in the vocabulary of " + size);
    }
  }

  private MemorySegment handle() {
    model.handle();
    if (!hasText) {
      throw new UnusableModelException(model.file() + " has no vocabulary to tokenize with");
    }
    return handle;
  }

  private static OptionalInt optional(int token) {
    return token < 0 ? OptionalInt.empty() : OptionalInt.of(token);
  }
}

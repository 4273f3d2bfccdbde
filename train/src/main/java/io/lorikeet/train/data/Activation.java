package io.lorikeet.train.data;

import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.models.text.template.Rendering;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// An activated LoRA in training: which tokens of an example it acts on. A server searches a prompt
/// for the invocation, so what an example has before its last answer is searched.
///
/// @param invocation the text
/// @param tokens its tokens
public record Activation(String invocation, Invocation tokens) {

  /// The invocation of a run, if it has one.
  ///
  /// @throws IOException when its chat template can't be read
  public static Optional<Invocation> of(TrainingConfig config, GgufFile base) throws IOException {
    Optional<String> text = config.find(Settings.INVOCATION);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      TextEncoding encoding = TextEncoding.of(tokenizer, config.find(Settings.CHAT_TEMPLATE));
      return Optional.of(new Activation(text.get(), encoding).tokens());
    }
  }

  /// Refuses an adapter that acts from other tokens than the run's.
  ///
  /// @param setting that names the adapter
  /// @throws InvalidInputException when they differ
  public static void require(
      String setting, Optional<Invocation> adapters, Optional<Invocation> runs) {
    if (!adapters.equals(runs)) {
      throw new InvalidInputException(
          "%s: this adapter %s, and the run's %s; give the --invocation that it was trained with"
              .formatted(setting, inWords(adapters), inWords(runs)));
    }
  }

  private static String inWords(Optional<Invocation> invocation) {
    return invocation
        .map(given -> "acts from the tokens " + given.tokens() + " on")
        .orElse("acts on all tokens");
  }

  /// Of a text, whose control tokens are written by their texts.
  Activation(String invocation, TextEncoding encoding) {
    this(invocation, new Invocation(Arrays.stream(tokens(invocation, encoding)).boxed().toList()));
  }

  /// The text's tokens as a template writes it inside of a chat.
  private static int[] tokens(String text, TextEncoding encoding) {
    return encoding
        .chats()
        .map(chats -> chats.tokenizer().encodeInside(Rendering.of(text, Rendering.TEMPLATE)))
        .orElseGet(() -> encoding.tokens(text));
  }

  /// An example with the adapter acting from the invocation in its prompt on. Tokens that it
  /// doesn't act on lose their loss.
  Tokenized in(Tokenized whole) {
    List<Tokenized.Fate> cut = List.of(Tokenized.Fate.CUT, Tokenized.Fate.DIVIDED);
    for (TokenizedExample example : whole.examples()) {
      if (from(example) == Invocation.NEVER) {
        return Tokenized.refused(
            "the invocation '%s' isn't before its answer%s, so the adapter would never act"
                .formatted(
                    invocation.replace("\n", "\\n"),
                    cut.contains(whole.fate()) ? " as far as that fits into the context" : ""));
      }
    }
    return whole.with(whole.examples().stream().map(this::in).toList());
  }

  private int from(TokenizedExample example) {
    return tokens.firstAdapted(Arrays.copyOf(example.tokens(), example.promptLength()));
  }

  private TokenizedExample in(TokenizedExample example) {
    int from = from(example);
    float[] weights = example.weights().clone();
    Arrays.fill(weights, 0, from + 1, 0);
    return new TokenizedExample(
        example.tokens(), weights, example.source(), example.line(), example.judgement(), from);
  }
}

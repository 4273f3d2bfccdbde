package io.lorikeet.train.data;

import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.text.template.TemplateException;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.Tokenized.ChatRemark;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Makes tokens of examples, as inference will see them: the begin token where the vocabulary has
/// one, the prompt exactly as it is tokenized when it stands alone, then the completion and the end
/// token. Only the completion and the end token have loss. Safe for use by several threads at once.
public final class ExampleTokenizer {
  /// Texts that seldom share a token with the text after them; see [#inside].
  private static final List<String> GUARDS = List.of("\n", ".", "a", "1", ")");

  private static final int ANY_LENGTH = Integer.MAX_VALUE - 1;

  private final TextEncoding encoding;
  private final TrainOn trainOn;
  private final boolean addsSpace;
  private final ContextFit fit;
  private final Optional<PairFit> pairs;
  private final Optional<RetrievalFit> retrieval;
  private final Optional<ExampleTokenizer> uncut;
  private final Optional<ConversationTokenizer> conversations;
  private final Optional<Activation> activation;

  /// Of examples that aren't pairs.
  ///
  /// @param context places of a row; an example may have one token more
  public ExampleTokenizer(TextEncoding encoding, int context, TooLong tooLong, TrainOn trainOn) {
    this(encoding, context, tooLong, trainOn, Optional.empty(), Optional.empty(), Optional.empty());
  }

  /// @param pairs makes pairs fit; empty where there are none
  /// @param retrieval makes queries and passages fit; empty where there are none
  /// @param activation of the adapter; empty for one that always acts
  ExampleTokenizer(
      TextEncoding encoding,
      int context,
      TooLong tooLong,
      TrainOn trainOn,
      Optional<PairFit> pairs,
      Optional<RetrievalFit> retrieval,
      Optional<Activation> activation) {
    this.pairs = pairs;
    this.retrieval = retrieval;
    this.activation = activation;
    this.encoding = encoding;
    this.trainOn = trainOn;
    this.addsSpace = addsSpace();
    fit = new ContextFit(encoding, context, tooLong);
    int wanted =
        switch (tooLong) {
          case CUT, DROP -> context + 1;
          case CUT_LEFT, SPLIT -> Integer.MAX_VALUE;
        };
    uncut = pairs.map(_ -> new ExampleTokenizer(encoding, ANY_LENGTH, TooLong.DROP, trainOn));
    conversations =
        encoding.chats().map(chats -> new ConversationTokenizer(chats, trainOn, wanted));
  }

  /// The example's tokens, within the context.
  Tokenized tokenize(Example example) {
    Tokenized whole = tokenized(example);
    Tokenized tokenized = activation.map(one -> one.in(whole)).orElse(whole);
    return example.label().map(good -> tokenized.judged(Judgement.of(good))).orElse(tokenized);
  }

  private Tokenized tokenized(Example example) {
    return switch (example.content()) {
      case Example.PlainText(String text) -> completion(example, "", text);
      case Example.Completion(String prompt, String completion) ->
          completion(example, prompt, completion);
      case Example.Document document -> document(example, document);
      case Example.Chat(Conversation conversation) -> chat(example, conversation);
      case Example.Retrieval texts -> retrieval.orElseThrow().fit(example, texts);
      case Example.Preference(var chosen, var rejected) ->
          pairs.orElseThrow().fit(whole(example, chosen), whole(example, rejected));
    };
  }

  /// One answer of a pair, of any length.
  private Tokenized whole(Example example, Example.Content answer) {
    return uncut.orElseThrow().tokenized(new Example(answer, example.source(), example.line()));
  }

  private Tokenized chat(Example example, Conversation conversation) {
    if (conversations.isEmpty()) {
      return Tokenized.refused("a chat, and how this base's chats are written isn't known");
    }
    ConversationTokenizer.TokenizedConversation result;
    try {
      result = conversations.get().tokenize(conversation);
    } catch (TemplateException e) {
      return Tokenized.refused(e.getMessage() + " (roles: " + conversation.roles() + ")");
    } catch (InvalidInputException e) {
      return Tokenized.refused(e.getMessage());
    }
    List<Tokenized> parts = new ArrayList<>();
    for (ConversationTokenizer.Sequence sequence : result.sequences()) {
      parts.add(fit.fit(sequence.tokens(), sequence.weights(), example, result.spellsControl()));
    }
    if (parts.isEmpty()) {
      parts.add(fit.fit(new int[0], new float[0], example, false));
    }
    Set<ChatRemark> remarks = result.remarks();
    if (encoding.chats().orElseThrow().assumed()) {
      remarks.add(ChatRemark.ASSUMED_TEMPLATE);
    }
    return Tokenized.of(parts, remarks);
  }

  private Tokenized completion(Example example, String prompt, String completion) {
    int[] promptTokens = encoding.tokens(prompt);
    int[] completionTokens = continuation(prompt, promptTokens, completion);
    int[] begin = encoding.begin().stream().toArray();
    int[] end = encoding.end().stream().toArray();
    int[] tokens = Tokens.concatenate(begin, promptTokens, completionTokens, end);
    float[] weights = new float[tokens.length];
    int answer = begin.length + promptTokens.length;
    int thoughts = answer + thoughts(prompt, promptTokens, completion, completionTokens);
    int from =
        switch (trainOn) {
          case ALL -> 1;
          case ANSWERS -> Math.max(1, thoughts);
          case ASSISTANT, COMPLETION, LAST_TURN, THOUGHTS -> Math.max(1, answer);
        };
    int to = trainOn == TrainOn.THOUGHTS ? thoughts : tokens.length;
    if (from < to) {
      Arrays.fill(weights, from, to, 1);
    }
    boolean spellsControl = encoding.spellsControl(prompt + completion);
    Tokenized fitted = fit.fit(tokens, weights, example, spellsControl);
    return trainOn == TrainOn.THOUGHTS && to == answer
        ? Tokenized.of(List.of(fitted), Set.of(ChatRemark.WITHOUT_THOUGHTS))
        : fitted;
  }

  /// The number of a completion's tokens that are thoughts.
  private int thoughts(
      String prompt, int[] promptTokens, String completion, int[] completionTokens) {
    int length = Thoughts.end(completion, prompt, Optional.empty());
    String text = completion.substring(0, length);
    if (length == 0 || Thoughts.isEmpty(text) && trainOn == TrainOn.THOUGHTS) {
      return 0;
    }
    return Tokens.common(continuation(prompt, promptTokens, text), completionTokens);
  }

  private Tokenized document(Example example, Example.Document document) {
    int[] end = document.ends() ? encoding.end().stream().toArray() : new int[0];
    int[] text = encoding.tokens(document.text());
    int[] stream = Tokens.concatenate(encoding.begin().stream().toArray(), text, end);
    float[] weights = new float[stream.length];
    if (stream.length > 1) {
      Arrays.fill(weights, 1, stream.length, 1);
    }
    return fit.divide(stream, weights, example, encoding.spellsControl(document.text()));
  }

  /// Tokens of a completion after its prompt's. The tokens of the whole are used where they begin
  /// with the prompt's, for then the model would write them so. Else characters on both sides of
  /// the boundary merge into one token. At inference the prompt's tokens are given before the
  /// completion exists, so the completion is tokenized by itself.
  private int[] continuation(String prompt, int[] promptTokens, String completion) {
    if (prompt.isEmpty()) {
      return encoding.tokens(completion);
    }
    int[] whole = encoding.tokens(prompt + completion);
    return Tokens.startsWith(whole, promptTokens)
        ? Tokens.after(whole, promptTokens.length)
        : inside(completion);
  }

  /// Tokens of a text that doesn't stand at the beginning. SentencePiece vocabularies put a space
  /// before a text; it is kept away by a guard, whose tokens are taken off again.
  private int[] inside(String text) {
    if (addsSpace) {
      for (String guard : GUARDS) {
        int[] guardTokens = encoding.tokens(guard);
        int[] both = encoding.tokens(guard + text);
        if (Tokens.startsWith(both, guardTokens)) {
          return Tokens.after(both, guardTokens.length);
        }
      }
    }
    return encoding.tokens(text);
  }

  private boolean addsSpace() {
    int[] guard = encoding.tokens("\n");
    int[] both = encoding.tokens("\na");
    return Tokens.startsWith(both, guard)
        && !Arrays.equals(Tokens.after(both, guard.length), encoding.tokens("a"));
  }
}

package io.lorikeet.train.data;

import io.lorikeet.train.TrainingConfig;
import io.lorikeet.train.TrainingEvent;
import io.lorikeet.train.TrainingListener;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// Makes tokens of examples, as inference will see them: the begin token where the vocabulary has
/// one, the prompt exactly as it is tokenized when it stands alone, then the completion and the end
/// token. Only the completion and the end token have loss. Counts what is too long for the context.
public final class ExampleTokenizer {
  /// Texts that seldom melt into what follows them; see [#inside].
  private static final List<String> GUARDS = List.of("\n", ".", "a", "1", ")");

  private final TextEncoding encoding;
  private final int context;
  private final TrainingConfig.TooLong tooLong;
  private final TrainingConfig.TrainOn trainOn;
  private final boolean addsSpace;
  private int cut;
  private int dropped;
  private int promptTooLong;
  private int withoutTarget;
  private int withControlNames;
  private SourceLine firstControlName;
  private int documents;
  private int pieces;

  /// @param context places of a row; an example may have one token more
  public ExampleTokenizer(
      TextEncoding encoding,
      int context,
      TrainingConfig.TooLong tooLong,
      TrainingConfig.TrainOn trainOn) {
    this.encoding = encoding;
    this.context = context;
    this.tooLong = tooLong;
    this.trainOn = trainOn;
    this.addsSpace = addsSpace();
  }

  /// The example's tokens: one example; several pieces of a document; or none if it is dropped.
  public List<TokenizedExample> tokenize(Example example) {
    countControlNames(example);
    if (example.document()) {
      return pieces(example);
    }
    int[] prompt = encoding.tokens(example.prompt() == null ? "" : example.prompt());
    int[] completion = continuation(example.prompt(), prompt, example.completion());
    int[] tokens = concatenate(begin(), prompt, completion, end());
    int untrained =
        trainOn == TrainingConfig.TrainOn.ALL ? 1 : Math.max(1, begin().length + prompt.length);
    if (untrained > context) {
      promptTooLong++;
      return List.of();
    }
    if (untrained >= tokens.length) {
      withoutTarget++;
      return List.of();
    }
    if (tokens.length > context + 1) {
      if (tooLong == TrainingConfig.TooLong.DROP) {
        dropped++;
        return List.of();
      }
      cut++;
      tokens = Arrays.copyOf(tokens, context + 1);
    }
    return List.of(new TokenizedExample(tokens, untrained, example.source(), example.line()));
  }

  /// Examples that lost their end to the context.
  public int cut() {
    return cut;
  }

  /// Examples left out: longer than the context, or their prompt fills it, or there is nothing to
  /// predict.
  public int left() {
    return dropped + promptTooLong + withoutTarget;
  }

  /// Says what was cut, left out and divided.
  public void report(TrainingListener listener) {
    String places = String.format(Locale.ROOT, "the context of %,d tokens", context);
    warn(listener, cut, "longer than " + places + ": their end is cut off, the end token with it");
    warn(listener, dropped, "longer than " + places + ": left out");
    warn(listener, promptTooLong, "left out: their prompt alone fills " + places);
    warn(listener, withoutTarget, "left out: a single token, nothing to predict");
    warn(
        listener,
        withControlNames,
        "spelling special tokens of the base, first at "
            + firstControlName
            + ": they are learned as plain text, not as these tokens");
    if (encoding.end().isEmpty()) {
      listener.on(
          new TrainingEvent.Warning(
              "the base's vocabulary has no end token: generation won't stop by itself"));
    }
    if (pieces > documents) {
      String text = "%,d document%s divided into %,d pieces that fill " + places;
      listener.on(
          new TrainingEvent.Note(
              String.format(Locale.ROOT, text, documents, documents == 1 ? "" : "s", pieces)));
    }
  }

  private void countControlNames(Example example) {
    String prompt = example.prompt() == null ? "" : example.prompt();
    if (encoding.spellsControl(prompt + example.completion())) {
      if (withControlNames++ == 0) {
        firstControlName = new SourceLine(example.source(), example.line());
      }
    }
  }

  private static void warn(TrainingListener listener, int count, String text) {
    if (count > 0) {
      String examples =
          count == 1 ? "1 example " : String.format(Locale.ROOT, "%,d examples ", count);
      listener.on(new TrainingEvent.Warning(examples + text));
    }
  }

  /// Consecutive pieces of a document, each token a target once. Where the vocabulary has a begin
  /// token every piece starts with it, as every inference does; else with the last token of the
  /// piece before.
  private List<TokenizedExample> pieces(Example example) {
    int[] stream = concatenate(encoding.tokens(example.completion()), end());
    int[] begin = begin();
    List<TokenizedExample> result = new ArrayList<>();
    int overlap = 1 - begin.length;
    for (int from = overlap; from < stream.length; from += context) {
      int[] piece =
          Arrays.copyOfRange(stream, from - overlap, Math.min(from + context, stream.length));
      result.add(
          new TokenizedExample(concatenate(begin, piece), 1, example.source(), example.line()));
    }
    withoutTarget += result.isEmpty() ? 1 : 0;
    documents++;
    pieces += result.size();
    return result;
  }

  /// Tokens of a completion after its prompt's. The tokens of the whole are used where they begin
  /// with the prompt's, for then the model would write them so. Else the two melt into each other
  /// at the boundary; but at inference the prompt's tokens are given before the completion exists,
  /// so the completion is tokenized by itself.
  private int[] continuation(String prompt, int[] promptTokens, String completion) {
    if (prompt == null || prompt.isEmpty()) {
      return encoding.tokens(completion);
    }
    int[] whole = encoding.tokens(prompt + completion);
    return startsWith(whole, promptTokens) ? tail(whole, promptTokens) : inside(completion);
  }

  /// Tokens of a text that doesn't stand at the beginning. SentencePiece vocabularies put a space
  /// before a text; it is kept away by a guard, whose tokens are taken off again.
  private int[] inside(String text) {
    if (addsSpace) {
      for (String guard : GUARDS) {
        int[] guardTokens = encoding.tokens(guard);
        int[] both = encoding.tokens(guard + text);
        if (startsWith(both, guardTokens)) {
          return tail(both, guardTokens);
        }
      }
    }
    return encoding.tokens(text);
  }

  private boolean addsSpace() {
    int[] guard = encoding.tokens("\n");
    int[] both = encoding.tokens("\na");
    return startsWith(both, guard) && !Arrays.equals(tail(both, guard), encoding.tokens("a"));
  }

  private int[] begin() {
    return encoding.begin().stream().toArray();
  }

  private int[] end() {
    return encoding.end().stream().toArray();
  }

  private static boolean startsWith(int[] tokens, int[] start) {
    return tokens.length >= start.length
        && Arrays.equals(tokens, 0, start.length, start, 0, start.length);
  }

  private static int[] tail(int[] tokens, int[] start) {
    return Arrays.copyOfRange(tokens, start.length, tokens.length);
  }

  private static int[] concatenate(int[]... parts) {
    int length = 0;
    for (int[] part : parts) {
      length += part.length;
    }
    int[] all = new int[length];
    int position = 0;
    for (int[] part : parts) {
      System.arraycopy(part, 0, all, position, part.length);
      position += part.length;
    }
    return all;
  }
}

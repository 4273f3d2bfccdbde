package io.lorikeet.train.data;

import io.lorikeet.train.data.Tokenized.Fate;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// Makes both answers of a pair fit into one row together.
///
/// @param context places of a row
/// @param shares whether the tokens that both begin with take their places once
record PairFit(TextEncoding encoding, int context, TooLong tooLong, boolean shares) {

  /// The fit of a run's pairs.
  static PairFit of(TextEncoding encoding, DataSettings settings) {
    return new PairFit(
        encoding,
        settings.get(Settings.CONTEXT),
        settings.get(Settings.TOO_LONG),
        DataSet.Packing.of(settings) == DataSet.Packing.ROWS_AND_BEGINNINGS);
  }

  /// A pair within the context.
  ///
  /// @param chosen whole, as is the other
  Tokenized fit(Tokenized chosen, Tokenized rejected) {
    if (chosen.examples().size() > 1 || rejected.examples().size() > 1) {
      return Tokenized.refused(
          "a pair with an answer of several turns, which the chat template writes one by one");
    }
    for (Tokenized side : List.of(chosen, rejected)) {
      if (side.examples().isEmpty()) {
        return side;
      }
    }
    TokenizedExample better = chosen.examples().getFirst().judged(Judgement.CHOSEN);
    TokenizedExample worse = rejected.examples().getFirst().judged(Judgement.REJECTED);
    if (Arrays.equals(better.tokens(), worse.tokens())) {
      return Tokenized.refused("a pair whose answers are the same");
    }
    Tokenized both = Tokenized.of(List.of(chosen, rejected), remarks(chosen, rejected));
    List<Integer> lengths = List.of(better.tokens().length, worse.tokens().length);
    int over = places(better, worse) - context;
    if (over <= 0) {
      return with(both, List.of(better, worse), Fate.WHOLE, lengths);
    }
    return switch (tooLong) {
      case DROP -> with(both, List.of(), Fate.DROPPED, List.of());
      case SPLIT ->
          Tokenized.refused(
              String.format(
                  Locale.ROOT,
                  "a pair that takes %,d places, %,d more than a row has, and can't be divided; give"
                      + " a larger --context, or --too-long drop or cut",
                  context + over,
                  over));
      case CUT -> cut(both, better, worse, over, lengths);
      case CUT_LEFT -> cutLeft(both, better, worse, over, lengths);
    };
  }

  private static Set<Tokenized.ChatRemark> remarks(Tokenized chosen, Tokenized rejected) {
    return chosen.remarks().isEmpty() ? rejected.remarks() : chosen.remarks();
  }

  private static Tokenized with(
      Tokenized both, List<TokenizedExample> examples, Fate fate, List<Integer> lengths) {
    return new Tokenized(
        examples,
        fate,
        lengths,
        examples.isEmpty() ? 0 : both.unknown(),
        both.spellsControl(),
        "",
        both.remarks());
  }

  private int places(TokenizedExample first, TokenizedExample second) {
    return shares
        ? TokenTree.of(List.of(first, second)).places()
        : first.places() + second.places();
  }

  /// The longer answer loses its end until both are equally long, then both do.
  private Tokenized cut(
      Tokenized both,
      TokenizedExample better,
      TokenizedExample worse,
      int over,
      List<Integer> lengths) {
    int first = better.tokens().length;
    int second = worse.tokens().length;
    int fromLonger = Math.min(over, Math.abs(first - second));
    int rest = over - fromLonger;
    int cutFirst = (first > second ? fromLonger : 0) + rest / 2 + rest % 2;
    int cutSecond = (second > first ? fromLonger : 0) + rest / 2;
    int leftOfFirst = first - cutFirst;
    int leftOfSecond = second - cutSecond;
    if (leftOfFirst <= firstTrained(better) || leftOfSecond <= firstTrained(worse)) {
      return with(both, List.of(), Fate.PROMPT_TOO_LONG, List.of());
    }
    TokenizedExample shorter = part(better, 0, 0, leftOfFirst);
    TokenizedExample other = part(worse, 0, 0, leftOfSecond);
    int least = Math.min(leftOfFirst, leftOfSecond);
    if (Arrays.mismatch(shorter.tokens(), 0, least, other.tokens(), 0, least) < 0) {
      return Tokenized.refused(
          String.format(
              Locale.ROOT,
              "a pair whose answers are the same as far as they fit into the context of %,d tokens;"
                  + " give a larger --context, or --too-long drop",
              context));
    }
    return places(shorter, other) > context
        ? with(both, List.of(), Fate.PROMPT_TOO_LONG, List.of())
        : with(both, List.of(shorter, other), Fate.CUT, lengths);
  }

  /// The prompt of both loses its beginning; the begin token stays.
  private Tokenized cutLeft(
      Tokenized both,
      TokenizedExample better,
      TokenizedExample worse,
      int over,
      List<Integer> lengths) {
    int[] tokens = better.tokens();
    boolean begins = encoding.begin().isPresent() && tokens[0] == encoding.begin().getAsInt();
    int begin = begins ? 1 : 0;
    int dropped = shares ? over : (over + 1) / 2;
    int left = Math.min(firstTrained(better), firstTrained(worse)) - begin - dropped;
    if (left < 1 - begin) {
      return with(both, List.of(), Fate.PROMPT_TOO_LONG, List.of());
    }
    List<TokenizedExample> cut =
        List.of(
            part(better, begin, begin + dropped, tokens.length),
            part(worse, begin, begin + dropped, worse.tokens().length));
    return places(cut.getFirst(), cut.getLast()) > context
        ? with(both, List.of(), Fate.PROMPT_TOO_LONG, List.of())
        : with(both, cut, Fate.CUT, lengths);
  }

  private static int firstTrained(TokenizedExample example) {
    int first = 1;
    while (!example.trains(first)) {
      first++;
    }
    return first;
  }

  /// The first `kept` tokens, and those from `from` up to `to`.
  private static TokenizedExample part(TokenizedExample whole, int kept, int from, int to) {
    float[] weights = new float[kept + to - from];
    System.arraycopy(whole.weights(), 0, weights, 0, kept);
    System.arraycopy(whole.weights(), from, weights, kept, to - from);
    return new TokenizedExample(
        Tokens.concatenate(
            Arrays.copyOf(whole.tokens(), kept), Arrays.copyOfRange(whole.tokens(), from, to)),
        weights,
        whole.source(),
        whole.line(),
        whole.judgement(),
        whole.adaptedFrom());
  }
}

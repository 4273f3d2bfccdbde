package io.lorikeet.train.data;

import io.lorikeet.train.data.Tokenized.Fate;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/// Makes tokens fit into the context: cuts, divides or leaves out longer examples.
final class ContextFit {
  private final TextEncoding encoding;
  private final int context;
  private final TooLong tooLong;

  /// @param context places of a row; an example may have one token more
  ContextFit(TextEncoding encoding, int context, TooLong tooLong) {
    this.encoding = encoding;
    this.context = context;
    this.tooLong = tooLong;
  }

  /// An example within the context.
  ///
  /// @param tokens the example, with the begin token where the vocabulary has one
  /// @param weights of the tokens in the loss; the first has none
  Tokenized fit(int[] tokens, float[] weights, Example example, boolean spellsControl) {
    if (Tokens.count(weights) == 0) {
      return none(Fate.NOTHING_TO_LEARN, spellsControl);
    }
    if (tokens.length <= context + 1) {
      TokenizedExample whole =
          new TokenizedExample(tokens, weights, example.source(), example.line());
      return new Tokenized(
          List.of(whole), Fate.WHOLE, List.of(tokens.length), unknown(tokens), spellsControl, "");
    }
    return switch (tooLong) {
      case DROP -> none(Fate.DROPPED, spellsControl);
      case SPLIT -> divide(tokens, weights, example, spellsControl);
      case CUT ->
          cut(
              Arrays.copyOf(tokens, context + 1),
              Arrays.copyOf(weights, context + 1),
              tokens.length,
              example,
              spellsControl);
      case CUT_LEFT -> {
        int begin = beginLength(tokens);
        int from = tokens.length - (context + 1 - begin);
        float[] rest = Arrays.copyOfRange(weights, from - begin, weights.length);
        rest[0] = 0;
        yield cut(
            Tokens.concatenate(Arrays.copyOf(tokens, begin), Tokens.after(tokens, from)),
            rest,
            tokens.length,
            example,
            spellsControl);
      }
    };
  }

  private Tokenized cut(
      int[] tokens, float[] weights, int length, Example example, boolean spellsControl) {
    if (Tokens.count(weights) == 0) {
      return none(Fate.PROMPT_TOO_LONG, spellsControl);
    }
    TokenizedExample rest = new TokenizedExample(tokens, weights, example.source(), example.line());
    return new Tokenized(
        List.of(rest), Fate.CUT, List.of(length), unknown(tokens), spellsControl, "");
  }

  /// Consecutive pieces, each token in the place of a target once. Where the vocabulary has a begin
  /// token every piece starts with it, as every inference does; else with the last token of the
  /// piece before. Pieces without a token to learn are left out.
  Tokenized divide(int[] tokens, float[] weights, Example example, boolean spellsControl) {
    int[] begin = Arrays.copyOf(tokens, beginLength(tokens));
    int overlap = 1 - begin.length;
    List<TokenizedExample> pieces = new ArrayList<>();
    int line = example.line();
    boolean document = example.content() instanceof Example.Document;
    for (int from = 1; from < tokens.length; from += context) {
      int to = Math.min(from + context, tokens.length);
      int[] piece = Tokens.concatenate(begin, Arrays.copyOfRange(tokens, from - overlap, to));
      float[] parts = new float[piece.length];
      System.arraycopy(weights, from, parts, 1, to - from);
      if (Tokens.count(parts) > 0) {
        pieces.add(new TokenizedExample(piece, parts, example.source(), line));
      }
      for (int at = from; document && at < to; at++) {
        line += encoding.lineBreaks(tokens[at]);
      }
    }
    if (pieces.isEmpty()) {
      return none(Fate.NOTHING_TO_LEARN, spellsControl);
    }
    Fate fate = pieces.size() > 1 ? Fate.DIVIDED : Fate.WHOLE;
    List<Integer> lengths = Collections.nCopies(pieces.size(), tokens.length);
    return new Tokenized(pieces, fate, lengths, unknown(tokens), spellsControl, "");
  }

  private int beginLength(int[] tokens) {
    boolean begins =
        encoding.begin().isPresent()
            && tokens.length > 0
            && tokens[0] == encoding.begin().getAsInt();
    return begins ? 1 : 0;
  }

  private static Tokenized none(Fate fate, boolean spellsControl) {
    return new Tokenized(List.of(), fate, List.of(), 0, spellsControl, "");
  }

  private int unknown(int[] tokens) {
    if (encoding.unknown().isEmpty()) {
      return 0;
    }
    int unknown = encoding.unknown().getAsInt();
    return (int) Arrays.stream(tokens).filter(token -> token == unknown).count();
  }
}

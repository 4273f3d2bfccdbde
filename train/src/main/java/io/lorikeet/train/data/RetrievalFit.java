package io.lorikeet.train.data;

import io.lorikeet.train.data.Tokenized.Fate;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Makes tokens of a query and its passages, each as llama.cpp is given a text to embed: the begin
/// token and the end token stand around it where the vocabulary wants them. All of them together
/// fit into one row.
///
/// A further token follows each text, which is never computed. It is the one with loss, so that a
/// text's last token is the place of its loss.
///
/// @param context places of a row
/// @param prefix stands before every query
record RetrievalFit(TextEncoding encoding, int context, TooLong tooLong, String prefix) {

  /// The fit of a run's queries and passages.
  static RetrievalFit of(TextEncoding encoding, DataSettings settings) {
    return new RetrievalFit(
        encoding,
        settings.get(Settings.CONTEXT),
        settings.get(Settings.TOO_LONG),
        settings.find(Settings.QUERY_PREFIX).orElse(""));
  }

  /// The query, then its passages, then the negatives. Where they are too long the longest lose
  /// their ends, until all together fit.
  Tokenized fit(Example example, Example.Retrieval texts) {
    List<int[]> whole = new ArrayList<>(List.of(encoding.tokens(prefix + texts.query())));
    texts.passages().forEach(text -> whole.add(encoding.tokens(text)));
    texts.negatives().forEach(text -> whole.add(encoding.tokens(text)));
    if (whole.stream().anyMatch(tokens -> tokens.length == 0)) {
      return Tokenized.refused("a text that the vocabulary has no tokens for");
    }
    int around = encoding.begin().isPresent() ? 1 : 0;
    around += encoding.after().isPresent() ? 1 : 0;
    int longest = longest(whole, context - around * whole.size());
    boolean cut = whole.stream().anyMatch(tokens -> tokens.length > longest);
    boolean spellsControl = encoding.spellsControl(texts.words());
    if (cut && (longest < 1 || tooLong == TooLong.DROP)) {
      Fate fate = longest < 1 ? Fate.PROMPT_TOO_LONG : Fate.DROPPED;
      return new Tokenized(List.of(), fate, List.of(), 0, spellsControl, "");
    }
    String same = same(whole, texts.passages().size(), longest);
    if (!same.isEmpty()) {
      return Tokenized.refused(
          !cut || !same(whole, texts.passages().size(), Integer.MAX_VALUE).isEmpty()
              ? same
              : "%s as far as they fit into the context of %s tokens; give a larger --context"
                  .formatted(same, context));
    }
    List<TokenizedExample> examples = new ArrayList<>();
    List<Integer> lengths = new ArrayList<>();
    int unknown = 0;
    for (int i = 0; i < whole.size(); i++) {
      int[] tokens = Arrays.copyOf(whole.get(i), Math.min(longest, whole.get(i).length));
      Judgement judgement =
          i == 0
              ? Judgement.QUERY
              : i <= texts.passages().size() ? Judgement.PASSAGE : Judgement.NEGATIVE;
      examples.add(embedded(tokens, example, judgement));
      lengths.add(whole.get(i).length + around + 1);
      unknown += (int) Arrays.stream(tokens).filter(this::isUnknown).count();
    }
    return new Tokenized(
        examples, cut ? Fate.CUT : Fate.WHOLE, lengths, unknown, spellsControl, "");
  }

  private TokenizedExample embedded(int[] text, Example example, Judgement judgement) {
    int[] begin = encoding.begin().stream().toArray();
    int[] after = encoding.after().stream().toArray();
    int[] tokens = Tokens.concatenate(begin, text, after, new int[] {encoding.end().orElse(0)});
    float[] weights = new float[tokens.length];
    weights[tokens.length - 1] = 1;
    return new TokenizedExample(tokens, weights, example.source(), example.line(), judgement, 0);
  }

  private boolean isUnknown(int token) {
    return encoding.unknown().isPresent() && encoding.unknown().getAsInt() == token;
  }

  /// The most tokens that each text may have, so that all have no more than `most`.
  private static int longest(List<int[]> texts, int most) {
    int[] sorted = texts.stream().mapToInt(text -> text.length).sorted().toArray();
    int left = most;
    for (int i = 0; i < sorted.length; i++) {
      int each = Math.floorDiv(left, sorted.length - i);
      if (sorted[i] > each) {
        return each;
      }
      left -= sorted[i];
    }
    return Integer.MAX_VALUE;
  }

  /// Which texts that must differ are the same, as far as their first `longest` tokens; else empty.
  private static String same(List<int[]> texts, int passages, int longest) {
    for (int passage = 1; passage <= passages; passage++) {
      if (isSame(texts.getFirst(), texts.get(passage), longest)) {
        return "a query and a passage that are the same";
      }
      for (int negative = passages + 1; negative < texts.size(); negative++) {
        if (isSame(texts.get(passage), texts.get(negative), longest)) {
          return "a passage and a negative that are the same";
        }
      }
    }
    return "";
  }

  private static boolean isSame(int[] one, int[] other, int longest) {
    int first = Math.min(longest, one.length);
    int second = Math.min(longest, other.length);
    return Arrays.equals(one, 0, first, other, 0, second);
  }
}

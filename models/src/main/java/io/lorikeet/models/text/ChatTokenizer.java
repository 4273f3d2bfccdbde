package io.lorikeet.models.text;

import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.models.text.ControlTokens.Match;
import io.lorikeet.models.text.template.Rendering;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/// Makes tokens of rendered chats, as llama.cpp's server does. The vocabulary's begin and end
/// tokens are added. The names of control tokens become these tokens, but only where the template
/// wrote them: in a message they stay text, although the server takes them for tokens there too.
///
/// Safe for use by several threads at once.
public final class ChatTokenizer {
  /// Texts that seldom share a token with the text after them; see [#encodeInside].
  private static final List<String> GUARDS = List.of("\n", ".", "a", "1", ")");

  private final LlamaVocabulary vocabulary;
  private final ControlTokens control;

  /// @param vocabulary must stay open as long as this is used
  public ChatTokenizer(LlamaVocabulary vocabulary) {
    this.vocabulary = vocabulary;
    control = new ControlTokens(vocabulary);
  }

  /// The tokens of a prompt.
  public int[] encode(Rendering text) {
    if (!spellsControl(text)) {
      return vocabulary.tokenize(text.text(), true, true);
    }
    IntStream begin = vocabulary.addsBos() ? vocabulary.bos().stream() : IntStream.empty();
    IntStream end = vocabulary.addsEos() ? vocabulary.eos().stream() : IntStream.empty();
    IntStream inside = Arrays.stream(encodeApart(text));
    return IntStream.concat(begin, IntStream.concat(inside, end)).toArray();
  }

  /// The tokens of a text that doesn't stand at the beginning: nothing is added to it.
  /// SentencePiece vocabularies put a space before a text; it is kept away by a guard, whose tokens
  /// are taken off again.
  public int[] encodeInside(Rendering text) {
    int[] alone = encodeApart(text);
    for (String guard : GUARDS) {
      int[] before = vocabulary.tokenize(guard, false, false);
      int[] both = encodeApart(Rendering.of(guard, Rendering.VARIABLE).followedBy(text));
      if (both.length >= before.length
          && Arrays.equals(both, 0, before.length, before, 0, before.length)) {
        return Arrays.copyOfRange(both, before.length, both.length);
      }
    }
    return alone;
  }

  /// Whether something else than the template spells the name of a control token.
  public boolean spellsControl(Rendering text) {
    return control.find(text.text(), 0).stream().anyMatch(match -> !isTemplates(match, text));
  }

  /// Where the first token ends that the template writes at or after a place, and at which
  /// generation stops.
  public OptionalInt endOfTurn(Rendering text, int from) {
    return control.find(text.text(), from).stream()
        .filter(match -> isTemplates(match, text) && vocabulary.isEndOfGeneration(match.token()))
        .mapToInt(Match::end)
        .findFirst();
  }

  private static boolean isTemplates(Match match, Rendering text) {
    return IntStream.range(match.start(), match.end())
        .allMatch(place -> text.origin(place) == Rendering.TEMPLATE);
  }

  /// Tokens of the stretches between control tokens, and these. llama.cpp divides texts in the same
  /// way, the longest names first (llama-vocab.cpp: `tokenizer_st_partition`).
  int[] encodeApart(Rendering text) {
    List<Match> matches = new ArrayList<>(control.find(text.text(), 0));
    matches.removeIf(match -> !isTemplates(match, text));
    matches.sort(Comparator.comparingInt(Match::length).reversed().thenComparingInt(Match::start));
    List<Match> taken = new ArrayList<>();
    boolean[] covered = new boolean[text.text().length()];
    for (Match match : matches) {
      if (IntStream.range(match.start(), match.end()).noneMatch(place -> covered[place])) {
        Arrays.fill(covered, match.start(), match.end(), true);
        taken.add(match);
      }
    }
    taken.sort(Comparator.comparingInt(Match::start));
    IntStream.Builder tokens = IntStream.builder();
    int done = 0;
    boolean strip = false;
    for (Match match : taken) {
      boolean stripEnd = vocabulary.stripsBefore(match.token());
      add(text.text().substring(done, match.start()), strip, stripEnd, tokens);
      tokens.add(match.token());
      done = match.end();
      strip = vocabulary.stripsAfter(match.token());
    }
    add(text.text().substring(done), strip, false, tokens);
    return tokens.build().toArray();
  }

  private void add(String stretch, boolean stripStart, boolean stripEnd, IntStream.Builder tokens) {
    int from = 0;
    int to = stretch.length();
    while (stripStart && from < to && isSpace(stretch.charAt(from))) {
      from++;
    }
    while (stripEnd && to > from && isSpace(stretch.charAt(to - 1))) {
      to--;
    }
    if (from < to) {
      Arrays.stream(vocabulary.tokenize(stretch.substring(from, to), false, false))
          .forEach(tokens::add);
    }
  }

  /// C's `isspace`.
  private static boolean isSpace(char c) {
    return c == ' ' || c >= '\t' && c <= '\r';
  }
}

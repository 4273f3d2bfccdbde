package io.lorikeet.models.text.template;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The filter `wordwrap`: Python's `textwrap.wrap` of each line.
final class WordWrap {
  private static final Pattern CHUNK;
  private static final Pattern BLANKS = Pattern.compile("[\t\n\u000b\f\r ]+");

  static {
    String punctuated = "[\\w!\"'&.,?]";
    String letter = "[^\\d\\W]";
    String blank = "[\t\n\u000b\f\r ]";
    CHUNK =
        Pattern.compile(
            blank
                + "+|(?<=@p)-{2,}(?=\\w)|[^\t\n\u000b\f\r ]+?(?:-(?:(?<=@l{2}-)|(?<=@l-@l-))(?=@l-?@l)|(?=@b|\\z)|(?<=@p)(?=-{2,}\\w))"
                    .replace("@p", punctuated)
                    .replace("@l", letter)
                    .replace("@b", blank),
            Pattern.UNICODE_CHARACTER_CLASS);
  }

  private final Budget budget;
  private final int width;
  private final boolean breakLong;
  private final boolean breakOnHyphens;

  /// A part of a line, in code points: a word or blanks.
  private record WordChunk(int from, int to, boolean blank) {
    int length() {
      return to - from;
    }
  }

  private WordWrap(Budget budget, int width, boolean breakLong, boolean breakOnHyphens) {
    this.budget = budget;
    this.width = width;
    this.breakLong = breakLong;
    this.breakOnHyphens = breakOnHyphens;
  }

  /// @param arguments `width=79, break_long_words=True, wrapstring=None, break_on_hyphens=True`
  static Text of(Text text, Arguments arguments, Budget budget) {
    long width = arguments.integer(0, "width", 79);
    Object given = arguments.get(2, "wrapstring", null);
    Text separator = given == null ? Text.of("\n") : PythonValues.text(given, budget);
    WordWrap wrap =
        new WordWrap(
            budget,
            Math.clamp(width, 0, Integer.MAX_VALUE),
            arguments.truth(1, "break_long_words", true),
            arguments.truth(3, "break_on_hyphens", true));
    budget.spendText(text.length());
    TextBuilder out = new TextBuilder(budget);
    boolean first = true;
    for (Text paragraph : TextMethods.lines(text)) {
      if (width <= 0) {
        throw new EvaluationError("invalid width " + width + " (must be > 0)");
      }
      out.append(first ? Text.EMPTY : separator);
      wrap.paragraph(paragraph, separator, out);
      first = false;
    }
    return out.build();
  }

  private void paragraph(Text text, Text separator, TextBuilder out) {
    Deque<WordChunk> chunks = chunks(text);
    boolean first = true;
    while (!chunks.isEmpty()) {
      budget.spend(1);
      if (!first && chunks.getFirst().blank()) {
        chunks.removeFirst();
      }
      List<WordChunk> line = line(text, chunks);
      if (!line.isEmpty() && (line.getLast().blank() || line.getLast().length() == 0)) {
        line.removeLast(); // one alone, as in Python
      }
      if (!line.isEmpty()) {
        out.append(first ? Text.EMPTY : separator);
        int from = text.offset(line.getFirst().from());
        out.append(text, from, text.offset(line.getLast().to()));
        first = false;
      }
    }
  }

  /// Takes the chunks of one line.
  private List<WordChunk> line(Text text, Deque<WordChunk> chunks) {
    List<WordChunk> line = new ArrayList<>();
    int length = 0;
    while (!chunks.isEmpty() && length + chunks.getFirst().length() <= width) {
      line.add(chunks.removeFirst());
      length += line.getLast().length();
    }
    if (!chunks.isEmpty() && chunks.getFirst().length() > width) {
      if (breakLong) {
        WordChunk chunk = chunks.removeFirst();
        int end = chunk.from() + beginning(text, chunk, width - length);
        line.add(new WordChunk(chunk.from(), end, chunk.blank()));
        chunks.addFirst(new WordChunk(end, chunk.to(), chunk.blank()));
      } else if (line.isEmpty()) {
        line.add(chunks.removeFirst());
      }
    }
    return line;
  }

  /// How much of a long word goes on a line with so much space left.
  private int beginning(Text text, WordChunk chunk, int space) {
    if (breakOnHyphens) {
      String part =
          text.toString().substring(text.offset(chunk.from()), text.offset(chunk.from() + space));
      int hyphen = part.lastIndexOf('-');
      if (hyphen > 0 && part.substring(0, hyphen).chars().anyMatch(c -> c != '-')) {
        return part.codePointCount(0, hyphen) + 1;
      }
    }
    return space;
  }

  private Deque<WordChunk> chunks(Text text) {
    Deque<WordChunk> chunks = new ArrayDeque<>();
    Matcher matcher = (breakOnHyphens ? CHUNK : BLANKS).matcher(text.toString());
    int done = 0;
    while (matcher.find()) {
      add(text, done, matcher.start(), chunks);
      add(text, matcher.start(), matcher.end(), chunks);
      done = matcher.end();
    }
    add(text, done, text.length(), chunks);
    return chunks;
  }

  /// Adds a chunk, if it isn't empty.
  private void add(Text text, int from, int to, Deque<WordChunk> chunks) {
    if (from < to) {
      budget.spend(1);
      int start = chunks.isEmpty() ? 0 : chunks.getLast().to();
      int length = text.toString().codePointCount(from, to);
      boolean blank = PythonText.isBlank(text.toString().substring(from, to), 0);
      chunks.add(new WordChunk(start, start + length, blank));
    }
  }
}

package io.lorikeet.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Finds sentences that are hard to read in Markdown, which doc comments are too: those that begin
/// with a free relative clause ("What …", "That which …"), and those of more than 35 words.
///
/// A paragraph, a list item, a heading, a table's cell and a tag's text each have sentences of
/// their own. Code blocks are skipped, and a code span counts as one word.
final class Prose {
  private static final int MOST_WORDS = 35;

  private static final Pattern FREE_RELATIVE =
      Pattern.compile(
          "(what|whatever|who|whoever|whichever|that which|those which)\\b",
          Pattern.CASE_INSENSITIVE);

  private static final Pattern ITEM = Pattern.compile("([-*+]|\\d+[.)]|#+|>)\\s+");
  private static final Pattern TAG =
      Pattern.compile("@(param|throws)\\s+\\S+\\s*|@(return|see|since)\\b\\s*");
  private static final Pattern CODE_SPAN = Pattern.compile("(`+)[^`]+\\1");
  private static final Pattern LINK =
      Pattern.compile("\\[([^\\]]*)\\](\\([^)]*\\)|\\[[^\\]]*\\])?");
  private static final Pattern SENTENCE_END =
      Pattern.compile("(?<![.]|\\b[eE][.]g|\\b[iI][.]e)[.!?][\"')\\]*_~]*\\s+");
  private static final Pattern QUESTION = Pattern.compile("[?][^\\p{L}\\d]*$");
  private static final Pattern MARKS = Pattern.compile("[^\\p{L}\\d]*");
  private static final Pattern WORD = Pattern.compile("\\S*[\\p{L}\\d]\\S*");

  private final List<Finding> findings = new ArrayList<>();
  private final List<String> paragraph = new ArrayList<>();
  private int lastLine;

  private Prose() {}

  /// A line of a file; of a comment without its marks.
  ///
  /// @param number from 1
  record Line(int number, String text) {}

  /// A sentence that is hard to read.
  ///
  /// @param line number of the line in which it begins
  /// @param problem the reason in words
  record Finding(int line, String problem, String sentence) {}

  /// The sentences of a text that are hard to read, in its order.
  ///
  /// @param text consecutive lines
  static List<Finding> check(List<Line> text) {
    Prose prose = new Prose();
    boolean fenced = false;
    for (Line line : text) {
      if (line.text().strip().startsWith("```")) {
        prose.endParagraph();
        fenced = !fenced;
      } else if (!fenced) {
        prose.add(line);
      }
    }
    prose.endParagraph();
    return prose.findings;
  }

  private void add(Line line) {
    String text = line.text().strip();
    boolean isCode = paragraph.isEmpty() && line.text().startsWith("    ");
    if (text.isEmpty() || isCode) {
      endParagraph();
      return;
    }
    Matcher mark = (text.startsWith("@") ? TAG : ITEM).matcher(text);
    if (text.startsWith("|") && text.endsWith("|")) {
      for (String cell : text.split("\\|")) {
        endParagraph();
        append(line.number(), cell);
      }
      endParagraph();
    } else if (mark.lookingAt()) {
      endParagraph();
      append(line.number(), text.substring(mark.end()));
      if (text.startsWith("#")) {
        endParagraph();
      }
    } else {
      append(line.number(), text);
    }
  }

  private void append(int line, String text) {
    paragraph.add(text);
    lastLine = line;
  }

  private void endParagraph() {
    String text = String.join("\n", paragraph);
    int firstLine = lastLine - paragraph.size() + 1;
    paragraph.clear();
    // The same length, so that places in the one are places in the other.
    String plain =
        LINK.matcher(CODE_SPAN.matcher(text).replaceAll(span -> "x".repeat(span.group().length())))
            .replaceAll(Prose::textOfLink);
    Matcher end = SENTENCE_END.matcher(plain);
    int start = 0;
    while (start < plain.length()) {
      int stop = end.find() ? end.end() : plain.length();
      int line = firstLine + (int) text.substring(0, start).chars().filter(c -> c == '\n').count();
      judge(line, plain.substring(start, stop), text.substring(start, stop));
      start = stop;
    }
  }

  private static String textOfLink(MatchResult link) {
    String around = "~".repeat(link.group().length() - link.group(1).length() - 1);
    return Matcher.quoteReplacement("~" + link.group(1) + around);
  }

  private void judge(int line, String plain, String sentence) {
    String words = MARKS.matcher(plain).replaceFirst("");
    if (FREE_RELATIVE.matcher(words).lookingAt() && !QUESTION.matcher(words).find()) {
      add(line, "begins with a free relative", sentence);
    }
    long count = WORD.matcher(words).results().count();
    if (count > MOST_WORDS) {
      add(line, "has " + count + " words", sentence);
    }
  }

  private void add(int line, String problem, String sentence) {
    findings.add(new Finding(line, problem, sentence.strip().replaceAll("\\s+", " ")));
  }
}

package io.lorikeet.finetune.scoring;

import java.math.BigDecimal;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Scorers that compare texts.
final class TextScorers {
  /// Stands before the answer in GSM8K and its like.
  private static final String MARK = "####";

  private static final String NUMBER_TEXT = "[-+]?(?:\\d[\\d,]*(?:\\.\\d+)?|\\.\\d+)";
  private static final Pattern NUMBER = Pattern.compile(NUMBER_TEXT);
  private static final Pattern MARKED = Pattern.compile(MARK + "\\s*\\$?(" + NUMBER_TEXT + ")");

  private static final int LONGEST_NUMBER = 100; // characters
  private static final long MATCHING_MILLIS = 1000;

  private TextScorers() {}

  /// Whether the answer is the reference, but for blanks around.
  static Score exact(Question question, String answer) {
    return Score.of(answer.strip().equals(question.reference().strip()));
  }

  /// Whether the reference stands in the answer.
  static Score contains(Question question, String answer) {
    return Score.of(answer.contains(question.reference().strip()));
  }

  /// Whether the number at the end of the answer is that of the reference: the first after `####`
  /// where both mark it so, or else the last.
  static Score number(Question question, String answer) {
    Optional<BigDecimal> wanted = number(question.reference());
    if (wanted.isEmpty()) {
      return Score.failed("the reference has no number");
    }
    return Score.of(number(answer).filter(given -> given.compareTo(wanted.get()) == 0).isPresent());
  }

  private static Optional<BigDecimal> number(String text) {
    Matcher marked = MARKED.matcher(text);
    if (marked.find()) {
      return decimal(marked.group(1));
    }
    Matcher numbers = NUMBER.matcher(text);
    String last = "";
    while (numbers.find()) {
      last = numbers.group();
    }
    return last.isEmpty() ? Optional.empty() : decimal(last);
  }

  private static Optional<BigDecimal> decimal(String text) {
    return text.length() > LONGEST_NUMBER
        ? Optional.empty()
        : Optional.of(new BigDecimal(text.replace(",", "")));
  }

  /// Whether a pattern is found in the answer. Some patterns take time that grows exponentially
  /// with a text; a second is enough.
  static Scorer matches(Pattern pattern) {
    return (_, answer) -> {
      try {
        return Score.of(pattern.matcher(TimedText.of(answer)).find());
      } catch (TimedText.OverException | StackOverflowError _) {
        return Score.failed("the regular expression takes too long for this answer");
      }
    };
  }

  /// A text that can't be read any more after a while.
  private record TimedText(CharSequence text, long end) implements CharSequence {
    private static final class OverException extends RuntimeException {
      private static final long serialVersionUID = 1;

      OverException() {
        super(null, null, false, false);
      }
    }

    static TimedText of(String text) {
      return new TimedText(text, System.nanoTime() + MATCHING_MILLIS * 1_000_000);
    }

    @Override
    public char charAt(int index) {
      if (System.nanoTime() - end > 0) {
        throw new OverException();
      }
      return text.charAt(index);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int to) {
      return new TimedText(text.subSequence(start, to), end);
    }

    @Override
    public String toString() {
      return text.toString();
    }
  }
}

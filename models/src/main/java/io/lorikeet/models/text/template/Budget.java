package io.lorikeet.models.text.template;

import java.time.Duration;

/// Limits of one rendering. A template comes from a file that someone downloaded: it must end, in
/// bounded time and memory. Steps are counted, so that the same template ends in the same way
/// everywhere; the clock only ends renderings that take long although their steps are few.
final class Budget {
  /// Nested calls, statements and expressions: within the stack of any thread.
  static final int DEPTH = 400;

  /// Items of a `range`, as Jinja's sandbox has it.
  static final long RANGE = 100_000;

  /// Steps for a new value that takes some memory, a list or a text for example.
  static final int ROOM = 10;

  private static final long STEPS = 20_000_000;
  private static final Duration TIME = Duration.ofSeconds(20); // a rendering takes milliseconds
  private static final int LOOKS = 256; // how often work is taken between two looks at the clock
  private static final long LENGTH = 1L << 24; // characters of one text
  private static final int CHARACTERS_PER_STEP = 4;

  private final long started = System.nanoTime();
  private long steps = STEPS;
  private int looks = LOOKS;
  private int depth;

  /// Takes some work.
  void spend(long work) {
    steps -= work;
    if (steps < 0) {
      throw exhausted("doesn't end: stopped after " + STEPS + " steps");
    }
    if (--looks == 0) {
      looks = LOOKS;
      if (System.nanoTime() - started > TIME.toNanos()) {
        throw exhausted("doesn't end: stopped after " + TIME.toSeconds() + " seconds");
      }
    }
  }

  /// Takes the work of writing characters.
  void spendText(long characters) {
    checkLength(characters);
    spend(characters / CHARACTERS_PER_STEP);
  }

  /// Refuses a text that is too long.
  void checkLength(long characters) {
    if (characters > LENGTH) {
      throw exhausted("writes more than " + LENGTH + " characters");
    }
  }

  private static EvaluationError exhausted(String what) {
    return new EvaluationError("the template " + what, EvaluationError.Cause.EXHAUSTED);
  }

  /// Goes one level deeper.
  void enter() {
    if (++depth > DEPTH) {
      throw exhausted("is nested deeper than " + DEPTH + " levels");
    }
  }

  void leave() {
    depth--;
  }
}

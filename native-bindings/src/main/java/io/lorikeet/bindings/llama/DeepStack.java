package io.lorikeet.bindings.llama;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/// Room for the recursion of libllama's byte-pair tokenizers. Many split text into words by
/// `std::regex`, which calls itself for every character of a match. A few thousand letters without
/// a space between them overflow the stack of an ordinary thread, and that ends the process.
final class DeepStack {
  /// Stack for each character of a match: twice the measured size with the pre-tokenizers of
  /// llama.cpp v0.5.0.
  private static final long BYTES_PER_CHARACTER = 1024;

  /// Matches that any thread has the stack for.
  private static final int SHORT = 200;

  private static final long ORDINARY = 1 << 20;

  private DeepStack() {}

  /// Calls the task, on a thread of its own where a match can be long.
  ///
  /// @param longest characters that one match can cover
  static <T> T call(int longest, Supplier<T> task) {
    if (longest <= SHORT) {
      return task.get();
    }
    FutureTask<T> future = new FutureTask<>(task::get);
    new Thread(null, future, "tokenizer", ORDINARY + BYTES_PER_CHARACTER * longest).start();
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return future.get();
        } catch (InterruptedException e) {
          interrupted = true; // a native call can't be left
        }
      }
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException exception -> throw exception;
        case Error error -> throw error;
        case null, default -> throw new IllegalStateException(e.getCause());
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /// Bounds what one match can cover for pre-tokenizers that split at spaces: characters without a
  /// space among them and the spaces on one side.
  static int longestMatch(String text) {
    int longest = 0;
    int previous = 0;
    int run = 0;
    boolean space = false;
    for (int i = 0; i < text.length(); i++) {
      char next = text.charAt(i);
      boolean isSpace =
          (next <= ' ' || next >= 0x80) // most aren't, and this runs over every text
              && (Character.isWhitespace(next) || Character.isSpaceChar(next));
      if (isSpace != space) {
        previous = run;
        run = 0;
        space = isSpace;
      }
      run++;
      longest = Math.max(longest, previous + run);
    }
    return longest;
  }
}

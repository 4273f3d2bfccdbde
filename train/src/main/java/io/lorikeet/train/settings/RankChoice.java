package io.lorikeet.train.settings;

import java.util.Locale;
import java.util.OptionalLong;

/// Which ranks an adapter's pairs have.
public sealed interface RankChoice {
  /// The rank that is meant where none is given.
  int USUAL = 16;

  /// The most that a rank can be.
  int MOST = 1 << 16;

  /// All pairs have one.
  record Same(int rank) implements RankChoice {
    @Override
    public String toString() {
      return written().toString();
    }
  }

  /// Ranks that fit the data, found before training (EVA, arXiv 2410.07170).
  ///
  /// @param parameters of all of them together at most; empty for as many as [#USUAL] has
  record Auto(OptionalLong parameters) implements RankChoice {
    @Override
    public String toString() {
      return written().toString();
    }
  }

  /// One rank for all.
  static RankChoice of(int rank) {
    return new Same(rank);
  }

  /// The rank of all, or the one that scale and budget go by.
  default int number() {
    return this instanceof Same(int rank) ? rank : USUAL;
  }

  /// Whether it can be.
  default boolean isWithinBounds() {
    return switch (this) {
      case Same(int rank) -> rank >= 1 && rank <= MOST;
      case Auto(OptionalLong parameters) -> parameters.orElse(1) >= 1;
    };
  }

  /// As [#parse] reads it: a number, or a text.
  default Object written() {
    return switch (this) {
      case Same(int rank) -> rank;
      case Auto(OptionalLong parameters) ->
          parameters.isEmpty() ? "auto" : "auto:" + parameters.getAsLong();
    };
  }

  /// Reads `16`, `auto`, `auto:3000000` or `auto:3M`.
  ///
  /// @throws IllegalArgumentException with what was expected
  static RankChoice parse(String text) {
    String lower = text.strip().toLowerCase(Locale.ROOT);
    if (lower.equals("auto")) {
      return new Auto(OptionalLong.empty());
    }
    if (!lower.startsWith("auto:")) {
      return new Same((int) new WholeRange(1, MOST).parse(text));
    }
    String size = lower.substring("auto:".length());
    int power =
        Math.max(0, "kmg".indexOf(size.isEmpty() ? ' ' : size.charAt(size.length() - 1)) + 1);
    String digits = power == 0 ? size : size.substring(0, size.length() - 1);
    if (!digits.matches("[0-9]{1,12}(\\.[0-9]{1,6})?") || Double.parseDouble(digits) == 0) {
      throw new IllegalArgumentException(
          "expected auto:PARAMETERS, such as auto:3M, found '" + text + "'");
    }
    return new Auto(
        OptionalLong.of(Math.round(Double.parseDouble(digits) * Math.pow(1000, power))));
  }
}

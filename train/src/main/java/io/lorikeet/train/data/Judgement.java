package io.lorikeet.train.data;

/// The data's word on an answer.
public enum Judgement {
  /// It says nothing: an example to learn.
  NONE,
  /// The better one of a pair.
  CHOSEN,
  /// The worse one of a pair.
  REJECTED,
  /// Good, by its label.
  GOOD,
  /// Bad, by its label.
  BAD;

  static Judgement of(boolean good) {
    return good ? GOOD : BAD;
  }

  /// Whether the answer is one of two.
  public boolean isOfPair() {
    return this == CHOSEN || this == REJECTED;
  }

  /// Whether the answer is to become likelier.
  public boolean isWanted() {
    return this == CHOSEN || this == GOOD;
  }
}

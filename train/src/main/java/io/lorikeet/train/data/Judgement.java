package io.lorikeet.train.data;

/// The data's word on an answer, or a text's part in a search.
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
  BAD,
  /// Looked for passages with.
  QUERY,
  /// A passage that is to be found by the query before it.
  PASSAGE,
  /// A text that isn't.
  NEGATIVE;

  static Judgement of(boolean good) {
    return good ? GOOD : BAD;
  }

  /// Whether the answer is one of two.
  public boolean isOfPair() {
    return this == CHOSEN || this == REJECTED;
  }

  /// Whether it is a text to be embedded.
  public boolean isOfSearch() {
    return this == QUERY || this == PASSAGE || this == NEGATIVE;
  }

  /// Whether the answer is to become likelier.
  public boolean isWanted() {
    return this == CHOSEN || this == GOOD;
  }
}

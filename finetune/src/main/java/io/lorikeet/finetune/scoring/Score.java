package io.lorikeet.finetune.scoring;

import java.util.Optional;

/// How good an answer is.
///
/// @param value from 0 to 1
/// @param failure why it couldn't be told; the value is 0 then
public record Score(double value, Optional<String> failure) {
  private static final Score RIGHT = new Score(1, Optional.empty());
  private static final Score WRONG = new Score(0, Optional.empty());

  /// 1 or 0.
  static Score of(boolean right) {
    return right ? RIGHT : WRONG;
  }

  static Score of(double value) {
    return new Score(value, Optional.empty());
  }

  static Score failed(String why) {
    return new Score(0, Optional.of(why));
  }
}

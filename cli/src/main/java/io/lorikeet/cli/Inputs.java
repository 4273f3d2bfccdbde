package io.lorikeet.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// The files that a command works on, or its one argument. All commands call them alike (`--model`,
/// `--adapter`, `--data`, `--output`), and they may be given by position as well, see
/// [PositionalInputs].
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@interface Inputs {
  /// The options in the order of their positions.
  String[] value();

  /// How many of them, the first ones, have to be given.
  int needed();
}

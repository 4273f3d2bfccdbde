package io.lorikeet.cli;

import io.lorikeet.train.settings.DecimalRange;
import io.lorikeet.train.settings.MemorySize;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.WholeRange;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/// The numbers that commands take as options: which there may be, and how they are written. Those
/// that are settings of a training run too have the settings' bounds.
final class NumberOptions {
  private static final DecimalRange SCALES = new DecimalRange(-1e6, 1e6);

  private NumberOptions() {}

  /// Reads a text as picocli asks for it.
  abstract static class Number<T> implements ITypeConverter<T> {
    private final Function<String, T> reader;

    private Number(Function<String, T> reader) {
      this.reader = reader;
    }

    @Override
    public final T convert(String text) {
      try {
        return reader.apply(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  static final class Threads extends Number<Integer> {
    Threads() {
      super(of(Settings.THREADS));
    }
  }

  static final class Context extends Number<Integer> {
    Context() {
      super(of(Settings.CONTEXT));
    }
  }

  static final class Rank extends Number<Integer> {
    Rank() {
      super(whole(1, RankChoice.MOST));
    }
  }

  static final class Seed extends Number<Long> {
    Seed() {
      super(of(Settings.SEED));
    }
  }

  /// Tokens to generate.
  static final class TokenCount extends Number<Integer> {
    TokenCount() {
      super(whole(1, 1 << 24));
    }
  }

  static final class Repetitions extends Number<Integer> {
    Repetitions() {
      super(whole(1, 10_000));
    }
  }

  static final class Layers extends Number<Integer> {
    Layers() {
      super(whole(1, 10_000));
    }
  }

  /// A port of this machine; 0 for any that is free.
  static final class Port extends Number<Integer> {
    Port() {
      super(whole(0, 65_535));
    }
  }

  /// Examples to show.
  static final class Shown extends Number<Integer> {
    Shown() {
      super(whole(0, Integer.MAX_VALUE));
    }
  }

  static final class TemperatureOption extends Number<Float> {
    TemperatureOption() {
      super(text -> (float) new DecimalRange(0, 1000).parse(text));
    }
  }

  /// A divergence in nats.
  static final class Divergence extends Number<Double> {
    Divergence() {
      super(new DecimalRange(1e-9, 1000)::parse);
    }
  }

  /// Bytes, such as `24GB`.
  static final class Size extends Number<Long> {
    Size() {
      super(MemorySize::bytes);
    }
  }

  /// How much of an adapter is taken.
  ///
  /// @throws IllegalArgumentException with what was expected
  static double scale(String text) {
    return SCALES.parse(text);
  }

  /// The context that a command was given, or else the usual one, or the base's where that is
  /// shorter.
  ///
  /// @param ofBase tokens that the base was made for
  static int contextLength(CommandSpec spec, Optional<Integer> given, int usual, int ofBase) {
    int length = given.orElse(Math.min(usual, ofBase));
    if (length < 2 || length > ofBase) {
      throw new ParameterException(
          spec.commandLine(),
          "--context must be from 2 to the base's " + ofBase + ", is " + length);
    }
    return length;
  }

  private static <T> Function<String, T> of(Setting<T> setting) {
    return text -> setting.parse(List.of(text));
  }

  private static Function<String, Integer> whole(int least, int most) {
    return text -> (int) new WholeRange(least, most).parse(text);
  }
}

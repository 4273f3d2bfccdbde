package io.lorikeet.train.data;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.TrainingConfig;
import io.lorikeet.train.TrainingEvent;
import io.lorikeet.train.TrainingListener;
import io.lorikeet.train.ValidationData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The data of a run: what is trained on, and what is only measured.
///
/// @param validation empty where no validation was asked for
public record TrainingData(DataSet training, Optional<DataSet> validation) {
  /// Stream of the seed's random numbers that chooses validation examples; epochs have the streams
  /// from 0 on.
  private static final long VALIDATION_STREAM = -1;

  /// Reads, tokenizes, divides and packs the data that a configuration names.
  ///
  /// @param listener is told what was recognized, skipped, cut and counted
  /// @throws InvalidInputException if the files can't be used, or leave nothing to train on
  public static TrainingData load(
      TrainingConfig config, TextEncoding encoding, TrainingListener listener) throws IOException {
    DataSettings settings = DataSettings.of(config);
    List<TokenizedExample> examples = tokenize(config.data(), settings, encoding, listener);
    List<TokenizedExample> measured =
        switch (config.validation()) {
          case ValidationData.None() -> List.of();
          case ValidationData.FromFile(Path file) ->
              tokenize(List.of(file), settings, encoding, listener);
          case ValidationData.Fraction(double share) -> takeShare(examples, share, config.seed());
        };
    DataSet training = rows(examples, settings);
    listener.on(new TrainingEvent.Note("training: " + training.summary()));
    if (measured.isEmpty()) {
      return new TrainingData(training, Optional.empty());
    }
    DataSet validation = rows(measured, settings);
    listener.on(new TrainingEvent.Note("validation: " + validation.summary()));
    return new TrainingData(training, Optional.of(validation));
  }

  /// Reads, tokenizes and packs files that are used for nothing but measuring.
  ///
  /// @throws InvalidInputException if the files can't be used, or leave nothing to measure on
  public static DataSet load(
      List<Path> files, DataSettings settings, TextEncoding encoding, TrainingListener listener)
      throws IOException {
    return rows(tokenize(files, settings, encoding, listener), settings);
  }

  private static DataSet rows(List<TokenizedExample> examples, DataSettings settings) {
    return DataSet.of(examples, settings.context(), settings.packing());
  }

  /// Reads and tokenizes files, each example by itself.
  ///
  /// @throws InvalidInputException if the files can't be used, or leave nothing to train on
  public static List<TokenizedExample> tokenize(
      List<Path> files, DataSettings settings, TextEncoding encoding, TrainingListener listener)
      throws IOException {
    ExampleTokenizer tokenizer =
        new ExampleTokenizer(encoding, settings.context(), settings.tooLong(), settings.trainOn());
    ExampleReader reader = new ExampleReader(settings.skipBadLines(), listener);
    List<TokenizedExample> examples = new ArrayList<>();
    for (Path file : files) {
      reader.read(file, example -> examples.addAll(tokenizer.tokenize(example)));
    }
    reader.finish();
    tokenizer.report(listener);
    if (examples.isEmpty()) {
      throw new InvalidInputException(nothingLeft(files, settings.context(), tokenizer.left()));
    }
    return examples;
  }

  private static String nothingLeft(List<Path> files, int context, int left) {
    String names = String.join(", ", files.stream().map(Path::toString).toList());
    if (left == 0) {
      return names + ": no line is an example";
    }
    return String.format(
        Locale.ROOT,
        "%s: none of the %,d examples fits into the context of %,d tokens; give a larger --context, or shorter prompts",
        names,
        left,
        context);
  }

  /// Moves a share of the examples, at least one and not all, out of the list. Both keep their
  /// order.
  static List<TokenizedExample> takeShare(
      List<TokenizedExample> examples, double share, long seed) {
    int count = examples.size();
    if (count < 2) {
      throw new InvalidInputException(
          "validation: a share needs at least two examples; the data has " + count);
    }
    int wanted = Math.clamp(Math.round(share * count), 1, count - 1);
    boolean[] taken = new boolean[count];
    int[] order = Shuffle.order(count, seed, VALIDATION_STREAM);
    for (int i = 0; i < wanted; i++) {
      taken[order[i]] = true;
    }
    List<TokenizedExample> chosen = new ArrayList<>();
    List<TokenizedExample> rest = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      (taken[i] ? chosen : rest).add(examples.get(i));
    }
    examples.clear();
    examples.addAll(rest);
    return chosen;
  }
}

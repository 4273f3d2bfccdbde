package io.lorikeet.finetune;

import io.lorikeet.bindings.Beta;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.DataFigures;
import io.lorikeet.train.data.TextEncoding;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// The settings that a first run on some base and data can begin with, after what the base, the
/// data and the memory here are like.
///
/// @param parameters of the base
/// @param data figures of all examples
/// @param method that the data is learned by; empty for examples
/// @param batchSize queries that are compared with each other's passages, as many up to 32 as there
///     are and as memory allows; 0 where the data has none, and the default does
/// @param context tokens in a row: the default, more where the longest example needs it, less where
///     memory allows no more, or queries with their passages need no more
/// @param validation examples to take out for validation; 0 where the data brings its own, or there
///     are too few
/// @param ownValidation whether the data brings its own
/// @param epochs as many, up to three, as make 100 steps
/// @param steps steps that these have, more or less
/// @param evaluateEvery steps between validations, of which there are ten
/// @param memory the plan with these settings
@Beta
public record FirstRun(
    long parameters,
    DataFigures data,
    Optional<Method> method,
    int batchSize,
    int context,
    int validation,
    boolean ownValidation,
    int epochs,
    int steps,
    int evaluateEvery,
    MemoryForecast memory) {
  private static final int CONTEXT_STEP = 256;
  private static final int MOST_COMPARED = 32;
  private static final int MOST_EPOCHS = 3;
  private static final int ENOUGH_STEPS = 100;
  private static final int VALIDATIONS = 10;

  /// Examples of which a tenth is measured, up to the largest number.
  private static final int FEWEST_TO_DIVIDE = 20;

  private static final int MOST_MEASURED = 200;

  /// Looks at a base and data: reads and tokenizes all of it, and plans the memory.
  ///
  /// @param data a file, a folder or a pattern
  /// @param purpose the use of the adapter
  /// @param listener told of the data's layouts and traps
  /// @throws InvalidInputException when the base can't be trained, or the data not be read
  public static FirstRun of(
      Path model, String data, TrainingConfig.Purpose purpose, TrainingListener listener)
      throws IOException {
    TrainingOptions options =
        new TrainingOptions()
            .model(model)
            .set(Settings.DATA, List.of(DataSource.of(data)))
            .set(Settings.FOR, purpose);
    try (GgufFile base = GgufFile.open(model)) {
      ModelConfig shape = ModelConfig.of(base);
      TrainingConfig usual = options.resolveData(_ -> shape.contextLength());
      int context = usual.get(Settings.CONTEXT);
      Look look = look(usual, shape.reach(), listener);
      int longest = look.figures().lengths()[DataFigures.SHARES.size() - 1];
      boolean compares = look.method().equals(Optional.of(Method.CONTRASTIVE));
      if (longest > context || compares) {
        int rounded = Math.ceilDiv(longest, CONTEXT_STEP) * CONTEXT_STEP;
        context = Math.min(rounded, shape.contextLength());
      }
      options.output(Path.of("adapter.gguf")).set(Settings.CONTEXT, context);
      look.method().ifPresent(method -> options.set(Settings.METHOD, method));
      int batchSize = compares ? Math.clamp(look.rows(), 2, MOST_COMPARED) : 0;
      if (compares) {
        options.set(Settings.BATCH_SIZE, batchSize).set(Settings.ACCUMULATE, 1);
      }
      MemoryForecast memory = plan(base, options);
      while (!memory.fits() && batchSize > 2) {
        batchSize /= 2;
        memory = plan(base, options.set(Settings.BATCH_SIZE, batchSize));
      }
      if (!memory.fits() && memory.longestContext() > 0) {
        context = memory.longestContext();
        memory = plan(base, options.set(Settings.CONTEXT, context));
      }
      if (context != usual.get(Settings.CONTEXT)) {
        look = look(options.unchecked(), shape.reach(), _ -> {});
      }
      return of(base.parameterCount(), batchSize, context, look, options, memory);
    }
  }

  private static FirstRun of(
      long parameters,
      int batchSize,
      int context,
      Look look,
      TrainingOptions options,
      MemoryForecast memory) {
    int examples = look.figures().examples();
    int measured =
        look.ownValidation() || examples < FEWEST_TO_DIVIDE
            ? 0
            : Math.min(MOST_MEASURED, examples / 10);
    int rows = trainedRows(look.rows(), examples, measured);
    int epochs = 1;
    int steps = steps(options, epochs, rows);
    while (steps < ENOUGH_STEPS && epochs < MOST_EPOCHS) {
      epochs++;
      steps = steps(options, epochs, rows);
    }
    return new FirstRun(
        parameters,
        look.figures(),
        look.method(),
        batchSize,
        context,
        measured,
        look.ownValidation(),
        epochs,
        steps,
        Math.max(1, steps / VALIDATIONS),
        memory);
  }

  /// The part of all rows that is left to the examples that aren't measured.
  static int trainedRows(int rows, int examples, int measured) {
    return Math.toIntExact(Math.ceilDiv((long) rows * (examples - measured), examples));
  }

  private static int steps(TrainingOptions options, int epochs, int rows) {
    return options.set(Settings.EPOCHS, epochs).unchecked().stepsFor(rows);
  }

  private static MemoryForecast plan(GgufFile base, TrainingOptions options) {
    return MemoryForecast.of(base, options.unchecked(), OptionalLong.empty());
  }

  /// @param rows of the examples that there are to train on
  private record Look(
      DataFigures figures, Optional<Method> method, int rows, boolean ownValidation) {}

  private static Look look(TrainingConfig config, int window, TrainingListener listener)
      throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(config.get(Settings.MODEL))) {
      TextEncoding encoding = TextEncoding.of(tokenizer, Optional.empty());
      try (TrainingData data =
          TrainingData.load(new DataSettings(config, window), encoding, listener)) {
        return new Look(
            data.figures(encoding),
            data.method(),
            data.training().rows().size(),
            data.validation().isPresent());
      }
    }
  }

  /// Whether a run takes validation's figures.
  public boolean validates() {
    return ownValidation || validation > 0;
  }
}

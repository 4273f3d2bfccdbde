package io.lorikeet.train;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.GgmlException;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelConfig;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.TextEncoding;
import io.lorikeet.train.data.TrainingData;
import java.io.IOException;

/// Trains a LoRA adapter on a frozen base: reads the data, runs the steps, keeps the run folder.
/// The finished adapter is handed back; writing it to a file is export's part.
public final class Trainer {
  private final TrainingConfig config;
  private final TrainingListener listener;

  public Trainer(TrainingConfig config, TrainingListener listener) {
    this.config = config;
    this.listener = listener;
  }

  /// Trains from the first step to the last. What can be refused is refused before the data is
  /// read; a run that fails before its first step leaves no folder.
  ///
  /// @throws InvalidInputException when the base, the data or the settings can't be used
  /// @throws NonFiniteException when a loss or gradient isn't a finite number
  /// @throws IOException when a file can't be read or the run folder can't be written, or the base
  ///     was changed meanwhile
  public TrainingResult run() throws IOException {
    try (RunFolder folder = RunFolder.take(config.run());
        GgufFile base = GgufFile.open(config.model());
        Backend backend = openDevice()) {
      ModelConfig model = ModelConfig.of(base);
      RankCheck.of(base, model, config.targets()).check(config.rank(), listener);
      TrainingData data = readData(base);
      int accumulate = config.accumulateFor(data.training().rows().size());
      TrainingConfig decided = config.withAccumulate(accumulate);
      folder.write(decided);
      try (MetricsFile metrics = new MetricsFile(folder.metrics())) {
        TrainingListener events =
            event -> {
              metrics.on(event);
              listener.on(event);
            };
        return train(decided, base, model, data, backend, events);
      }
    }
  }

  private Backend openDevice() {
    Backend backend;
    try {
      backend = Backend.open(config.device(), config.threads());
    } catch (GgmlException e) {
      throw new InvalidInputException("device: " + e.getMessage(), e);
    }
    if (config.precision() == Precision.F32 && !backend.keepsF32Products()) {
      backend.close();
      throw new InvalidInputException(
          ("precision: %s rounds factors to F16 unless the environment variable"
                  + " GGML_VK_DISABLE_F16 is set; set it to 1, or take precision auto")
              .formatted(backend.device().name()));
    }
    return backend;
  }

  private TrainingData readData(GgufFile base) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      return TrainingData.load(config, TextEncoding.of(tokenizer.vocabulary()), listener);
    }
  }

  private static TrainingResult train(
      TrainingConfig config,
      GgufFile base,
      ModelConfig model,
      TrainingData data,
      Backend backend,
      TrainingListener events)
      throws IOException {
    PassShape shape = PassShape.choose(model, config.batchSize(), config.context());
    TransformerModel.Options options =
        new TransformerModel.Options(shape, config.precision(), true, config.dropout());
    BaseWeights.Progress upload =
        (done, total) -> events.on(new TrainingEvent.Progress("uploading weights", done, total));
    try (BaseWeights weights = BaseWeights.load(base, backend, upload);
        LoraParameters lora = LoraParameters.create(base, model, adapter(config), backend);
        TransformerModel transformer =
            new TransformerModel(base, model, weights, lora, backend, options);
        AdamW optimizer = new AdamW(lora, config.weightDecay(), backend)) {
      events.on(new TrainingEvent.Note(Advice.summary(config, backend)));
      Advice.give(config, data.training(), lora.count(), events);
      int steps = config.stepsFor(data.training().rows().size());
      events.on(
          new TrainingEvent.Started(steps, lora.count(), base.parameterCount() + lora.count()));
      TrainingStep step =
          new TrainingStep(transformer, optimizer, config.maxGradNorm(), config.seed());
      return new TrainingLoop(config, base, data, step, steps, events).run();
    }
  }

  private static LoraSettings adapter(TrainingConfig config) {
    return new LoraSettings(
        config.rank(),
        config.alpha(),
        config.rslora(),
        config.dropout(),
        config.targets(),
        config.seed());
  }
}

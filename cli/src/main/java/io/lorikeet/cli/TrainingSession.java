package io.lorikeet.cli;

import io.lorikeet.export.AdapterExporter;
import io.lorikeet.export.AdapterMetadata;
import io.lorikeet.export.AdapterVerifier;
import io.lorikeet.export.BaseIdentity;
import io.lorikeet.export.Verification;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.Trainer;
import io.lorikeet.train.TrainingConfig;
import io.lorikeet.train.TrainingEvent;
import io.lorikeet.train.TrainingResult;
import io.lorikeet.train.ValidationData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/// From settings to a proven adapter: trains, writes the file, verifies it.
final class TrainingSession {
  private final ProgressLine line;

  TrainingSession(ProgressLine line) {
    this.line = line;
  }

  /// Trains and leaves the adapter in the output file and the run folder.
  ///
  /// @return what llama.cpp makes of it
  Verification run(TrainingConfig config) throws IOException {
    requireWritable(config.output());
    BaseIdentity identity;
    try (GgufFile base = GgufFile.open(config.model())) {
      identity = BaseIdentity.of(base);
    }
    TrainingProgress progress = new TrainingProgress(line);
    TrainingResult result = new Trainer(config, progress).run();
    AdapterMetadata metadata = new AdapterMetadata(identity, result.config().settingsOfAdapter());
    AdapterExporter.write(result.adapter(), metadata, config.output());
    AdapterExporter.write(result.adapter(), metadata, config.run().resolve("adapter.gguf"));
    progress.on(new TrainingEvent.AdapterSaved(config.output()));
    line.update("verifying");
    Verification verification = verify(result);
    VerificationReport.lines(verification).forEach(line::println);
    return verification;
  }

  /// Finds out before hours of training whether the adapter can be written after them.
  private static void requireWritable(Path output) throws IOException {
    AtomicFile.create(output).close();
  }

  /// llama.cpp computes with the file on the CPU, the trainer with what it trained where it trained.
  private static Verification verify(TrainingResult result) throws IOException {
    TrainingConfig config = result.config();
    Path data =
        config.validation() instanceof ValidationData.FromFile(Path file)
            ? file
            : config.data().getFirst();
    List<int[]> sequences;
    try (GgufFile base = GgufFile.open(config.model())) {
      sequences = VerificationText.sequencesAfterTraining(base, data, config.skipBadLines());
    }
    Precision precision =
        config.precision() == Precision.AUTO ? Precision.LLAMA : config.precision();
    return new AdapterVerifier(config.device(), config.threads(), precision)
        .verify(config.model(), config.output(), result.adapter(), sequences);
  }
}

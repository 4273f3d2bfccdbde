package io.lorikeet.cli;

import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.architecture.Pooling;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.ShellText;
import io.lorikeet.train.run.RunMetrics;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/// The end of a training run: what it took, what became of the losses, what was written, and the
/// command to go on with.
///
/// @param config the run's settings
/// @param metrics its numbers, those before it was resumed as well
/// @param best the best adapter's file, if there is one
record TrainingSummary(TrainingConfig config, RunMetrics metrics, Optional<Path> best) {
  private static final String ROW = "%-17s%s";

  List<String> lines() throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add(row("time", time()));
    if (!metrics.steps().isEmpty()) {
      lines.add(row("tokens", tokens()));
      lines.add(row("training loss", trainingLoss()));
    }
    if (!metrics.validations().isEmpty()) {
      lines.add(row("validation loss", validationLoss()));
      Words.found(metrics).ifPresent(found -> lines.add(row("recall@1", found)));
    }
    lines.add(row("adapter", file(config.get(Settings.OUTPUT))));
    if (best.isPresent()) {
      lines.add(row("best adapter", file(best.get())));
    }
    lines.add(row("run", file(config.get(Settings.RUN)) + ": settings, metrics, checkpoints"));
    lines.add(row("next", next()));
    return lines;
  }

  private String time() {
    String steps =
        "%s for %s steps"
            .formatted(Words.duration(metrics.seconds()), Words.count(metrics.steps().size()));
    return metrics.validations().isEmpty()
        ? steps
        : steps
            + ", %s for %s validations"
                .formatted(
                    Words.duration(metrics.validationSeconds()), metrics.validations().size());
  }

  private String tokens() {
    return String.format(
        Locale.ROOT,
        isOfEmbeddings()
            ? "%,d computed, of %,d texts; %,.0f tokens/s"
            : "%,d computed, %,d of them with loss; %,.0f tokens/s",
        metrics.tokens(),
        metrics.targets(),
        metrics.tokens() / metrics.seconds());
  }

  private boolean isOfEmbeddings() {
    return Method.CONTRASTIVE.isOf(config);
  }

  private String trainingLoss() {
    int averaged = metrics.averaged();
    return String.format(
        Locale.ROOT,
        "%.4f before, %.4f after (%s)",
        metrics.firstLoss(),
        metrics.lastLoss(),
        averaged == 1
            ? "the first step and the last"
            : "means of the first and the last " + averaged + " steps");
  }

  private String validationLoss() {
    double before = metrics.validations().getFirst().loss();
    RunMetrics.Validation last = metrics.validations().getLast();
    String losses = String.format(Locale.ROOT, "%.4f before, %.4f after", before, last.loss());
    return metrics
        .best()
        .map(
            lowest ->
                String.format(
                    Locale.ROOT,
                    "%s; lowest %.4f after step %d",
                    losses,
                    lowest.loss(),
                    lowest.step()))
        .orElse(losses);
  }

  private static String file(Path path) throws IOException {
    long bytes;
    try (Stream<Path> files = Files.walk(path)) {
      bytes = files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
    }
    return path + ", " + Words.bytes(bytes);
  }

  /// The command that people usually run first with a new adapter.
  private String next() throws IOException {
    String base = ShellText.quoted(config.get(Settings.MODEL));
    String adapter = ShellText.quoted(config.get(Settings.OUTPUT));
    if (config.isForMerging()) {
      return "%s merge --model %s --adapter %s --output merged.gguf"
          .formatted(ShellText.program(), base, adapter);
    }
    boolean chats;
    try (GgufFile file = GgufFile.openHeader(config.get(Settings.MODEL))) {
      if (isOfEmbeddings()) {
        return "llama-server -m %s --lora %s --embeddings%s"
            .formatted(base, adapter, Pooling.isNamed(file.metadata()) ? "" : " --pooling last");
      }
      chats = file.metadata().string("tokenizer.chat_template").isPresent();
    }
    return (chats
            ? "%s chat --model %s --adapter %s"
            : "%s generate --model %s --adapter %s --prompt 'TEXT'")
        .formatted(ShellText.program(), base, adapter);
  }

  private static String row(String name, String text) {
    return ROW.formatted(name, text);
  }
}

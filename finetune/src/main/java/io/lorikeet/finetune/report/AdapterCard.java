package io.lorikeet.finetune.report;

import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.DataFile;
import io.lorikeet.train.data.files.DataFiles;
import io.lorikeet.train.event.TrainingEvent.Check;
import io.lorikeet.train.run.RunMetrics;
import io.lorikeet.train.settings.AdapterPlaces;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.ReplaySource;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.ValidationData;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The papers of an adapter for people, its model card: base, data, settings, losses, proof, and
/// how to serve it. The YAML at its beginning is what Hugging Face's hub reads.
public final class AdapterCard {
  /// Signs that end a cell of a table, or begin something else within a line.
  private static final Pattern MARKUP = Pattern.compile("([\\\\`*_|<>\\[\\]])");

  private final TrainingConfig config;
  private final BaseIdentity base;
  private final RunMetrics metrics;
  private final Optional<RunSummary> summary;
  private final StringBuilder text = new StringBuilder();

  private AdapterCard(
      TrainingConfig config, BaseIdentity base, RunMetrics metrics, Optional<RunSummary> summary) {
    this.config = config;
    this.base = base;
    this.metrics = metrics;
    this.summary = summary;
  }

  /// Writes the card of a finished run beside its adapter.
  ///
  /// @throws InvalidInputException when the run's own files can't be read
  public static void write(TrainingConfig config, BaseIdentity base) throws IOException {
    Path run = config.get(Settings.RUN);
    AdapterCard card = new AdapterCard(config, base, RunMetrics.read(run), RunSummary.read(run));
    try (AtomicFile file = AtomicFile.create(AdapterPlaces.card(config.get(Settings.OUTPUT)))) {
      Files.writeString(file.path(), card.markdown());
      file.commit();
    }
  }

  private String markdown() throws IOException {
    String adapter = config.get(Settings.OUTPUT).getFileName().toString();
    frontMatter();
    line("# " + plain(adapter));
    line("");
    line("A LoRA adapter for one GGUF file, trained on that file by Lorikeet.");
    base();
    data();
    settings();
    results();
    line("## Serving");
    line("");
    line("With the very base named above as `BASE.gguf`:");
    line("");
    line("    llama-server -m BASE.gguf --lora " + adapter);
    line("    ./lorikeet chat --model BASE.gguf --adapter " + adapter);
    return text.toString();
  }

  private void frontMatter() {
    line("---");
    paper("general.license", "license");
    paper("general.license.name", "license_name");
    paper("general.license.link", "license_link");
    paper("general.base_model.0.repo_url", "base_model");
    line("tags: [lora, gguf, lorikeet]");
    line("---");
    line("");
  }

  private void paper(String key, String name) {
    String value = base.papers().get(key);
    if (value != null) {
      line(name + ": \"" + value.replaceAll("[\\p{Cntrl}\"\\\\]", " ") + "\"");
    }
  }

  private void base() {
    heading("Base");
    row("name", base.name());
    row("most of its weights", base.quantization());
    row("SHA-256", base.hash());
    row("licence", base.papers().getOrDefault("general.license", "its file doesn't say"));
    for (Map.Entry<String, String> paper : base.papers().entrySet()) {
      if (paper.getKey().startsWith("general.base_model.")) {
        row(paper.getKey().replace("general.base_model.", "model "), paper.getValue());
      }
    }
    line("");
  }

  private void data() throws IOException {
    heading("Data");
    for (DataSource source : config.get(Settings.DATA)) {
      files(source.weight() == 1 ? "" : ", weight " + source.weight(), source);
    }
    for (ReplaySource replay : config.get(Settings.REPLAY)) {
      files(", replayed, share " + replay.share(), replay.source());
    }
    if (config.get(Settings.VALIDATION) instanceof ValidationData.FromFile(DataSource source)) {
      files(", measured", source);
    }
    line("");
    for (String note : summary.map(RunSummary::notes).orElse(List.of())) {
      if (note.contains(" example") && note.contains(": ")) { // layouts and counts
        line("- " + plain(note));
      }
    }
    line("");
  }

  private void files(String how, DataSource source) throws IOException {
    try {
      for (DataFile file : DataFiles.of(source.path()).training()) {
        String name = file.path().getFileName().toString();
        if (file.isReadOnce()) {
          row(name + how, "read only once, not hashed");
        } else {
          row(name + how, Files.size(file.path()) + " bytes, SHA-256 " + hash(file.path()));
        }
      }
    } catch (IllegalArgumentException e) {
      row(source.path() + how, "not there any more: " + e.getMessage());
    }
  }

  private static String hash(Path file) throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      try (InputStream input = new DigestInputStream(Files.newInputStream(file), digest)) {
        input.transferTo(OutputStream.nullOutputStream());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private void settings() {
    heading("Settings that aren't defaults");
    Map<String, Object> defaults = TrainingConfig.defaults().settings();
    List<String> rows = new ArrayList<>();
    config
        .settings()
        .forEach(
            (key, value) -> {
              boolean ofFiles =
                  Settings.named(key)
                      .filter(setting -> setting.group() == Setting.Group.FILES)
                      .isPresent();
              if (!ofFiles && !value.equals(defaults.get(key))) {
                rows.add(key);
                row(key, String.valueOf(value));
              }
            });
    if (rows.isEmpty()) {
      row("none", "");
    }
    line("");
  }

  private void results() {
    heading("Losses");
    if (!metrics.steps().isEmpty()) {
      row("steps", String.valueOf(metrics.steps().size()));
      row("training, first and last", losses(metrics.firstLoss(), metrics.lastLoss()));
    }
    if (!metrics.validations().isEmpty()) {
      row(
          "validation, before and after",
          losses(metrics.validations().getFirst().loss(), metrics.validations().getLast().loss()));
    }
    line("");
    gate(summary.map(RunSummary::verdicts).orElse(List.of()));
    line("## Proof in llama.cpp");
    line("");
    Stream<String> proof =
        summary.stream()
            .flatMap(known -> Optional.ofNullable(known.proof()).stream())
            .flatMap(known -> known.lines().stream());
    proof.forEach(each -> line("    " + each));
    line("");
  }

  /// The last verdict in full, and of those before whether they passed.
  private void gate(List<RunSummary.GateRecord> verdicts) {
    if (verdicts.isEmpty()) {
      line("Scores of tasks: `./lorikeet eval --model BASE.gguf --adapter … --tasks FILE`.");
      line("");
      return;
    }
    heading("Scores before and after, against the gate in llama.cpp");
    verdicts.forEach(verdict -> row("gate", verdict.words()));
    for (Check check : verdicts.getLast().checks()) {
      row(
          check.name(),
          "%s: %s (%s)"
              .formatted(check.passed() ? "passes" : "fails", check.measured(), check.required()));
    }
    line("");
  }

  private static String losses(double before, double after) {
    return String.format(Locale.ROOT, "%.4f, %.4f", before, after);
  }

  private void heading(String title) {
    line("");
    line("## " + title);
    line("");
    line("| | |");
    line("|---|---|");
  }

  private void row(String name, String value) {
    line("| " + plain(name) + " | " + plain(value) + " |");
  }

  /// On one line, and nothing but text.
  private static String plain(String any) {
    return MARKUP.matcher(any.replaceAll("\\p{Cntrl}", " ")).replaceAll("\\\\$1");
  }

  private void line(String line) {
    text.append(line).append('\n');
  }
}

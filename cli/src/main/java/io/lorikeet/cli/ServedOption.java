package io.lorikeet.cli;

import io.lorikeet.finetune.TemplateFile;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.PathParts;
import io.lorikeet.quant.ShellText;
import io.lorikeet.train.settings.AdapterPlaces;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// The adapter that a command serves, by its file or by its run's folder, and its base.
final class ServedOption {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--adapter",
      paramLabel = "RUN|ADAPTER",
      description = "a run's folder, or an adapter, a GGUF file")
  private Optional<Path> given = Optional.empty();

  @Option(
      names = "--model",
      paramLabel = BaseOption.LABEL,
      description = BaseOption.DESCRIPTION + "; a run knows its own")
  private Optional<Path> model = Optional.empty();

  private @Nullable Path base;

  /// The adapter's file, if one was given.
  Optional<Path> adapter() throws IOException {
    if (given.isEmpty() || !Files.isDirectory(given.get())) {
      return given;
    }
    Path run = given.get();
    if (!RunFiles.holdsRun(run)) {
      throw new InvalidInputException("%s holds no run of 'lorikeet train'".formatted(run));
    }
    Path file = AdapterPlaces.last(run, run).copy();
    if (!Files.exists(file)) {
      throw new InvalidInputException(
          "the run in %s has no adapter yet: '%s train --resume %s' goes on with it"
              .formatted(run, ShellText.program(), ShellText.quoted(run)));
    }
    return Optional.of(file);
  }

  /// The base's GGUF file.
  Path base() throws IOException {
    if (base == null) {
      base =
          BaseOption.find(command, model.isPresent() ? model : baseOfRun())
              .orElseThrow(
                  () ->
                      new InvalidInputException(
                          "--model is missing: an adapter's file doesn't say where its base lies"));
    }
    return base;
  }

  private Optional<Path> baseOfRun() throws IOException {
    Path config = given.orElse(Path.of("")).resolve(RunFiles.CONFIG);
    return Files.isRegularFile(config)
        ? ConfigFile.read(config).get(Settings.MODEL)
        : Optional.empty();
  }

  /// A name for it: the run's or the adapter's, or without any the base's.
  String name() throws IOException {
    Path named = given.isPresent() ? given.get() : base();
    return PathParts.name(named.toAbsolutePath().normalize())
        .replaceFirst("(?i)(-run|\\.gguf)$", "");
  }

  /// Refuses an adapter of another base, and sees to it that llama.cpp finds the chat template that
  /// the adapter was trained with.
  ///
  /// @param force whether an adapter of another base is taken
  void prepare(boolean force) throws IOException {
    Optional<Path> adapter = adapter();
    if (adapter.isEmpty()) {
      return;
    }
    try (GgufFile file = GgufFile.open(base())) {
      AdapterFile.read(adapter.get(), file, force);
    }
    Optional<TrainedTemplate> template = AdapterFile.template(adapter.get());
    if (template.isPresent()) {
      TemplateFile.write(adapter.get(), Optional.of(base()), template.get());
    }
  }
}

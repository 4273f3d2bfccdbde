package io.lorikeet.finetune.sweep;

import io.lorikeet.finetune.bases.BaseFinder;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NewFolder;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import io.lorikeet.train.settings.ValidationData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// The runs of a sweep, and the rounds in which they are trained. Each round takes the runs that
/// are left twice as far as the one before. After it the better half goes on, rounded down. All
/// runs have the schedule of the whole length, so the last one is what `train` makes of its
/// settings.
///
/// @param folder the sweep's folder, which has a folder of each run
/// @param choices the settings that differ, by their keys, of each run
/// @param configs each run's settings
/// @param ends the step after which each round ends, ascending
public record SweepPlan(
    Path folder, List<Map<String, Object>> choices, List<TrainingConfig> configs, int[] ends) {
  /// Runs at most.
  static final int MOST_RUNS = 256;

  /// The files that runs are made of.
  private static final List<Setting<?>> READ =
      List.of(
          Settings.MODEL,
          Settings.DATA,
          Settings.REPLAY,
          Settings.VALIDATION,
          Settings.NEUTRAL,
          Settings.INIT_ADAPTER,
          Settings.REFERENCE_ADAPTER);

  /// Reads a sweep's file, and checks all of its runs.
  ///
  /// @param bases finds the base that all runs have
  /// @throws InvalidInputException with what is wrong, before anything is written
  public static SweepPlan read(Path file, BaseFinder bases) throws IOException {
    SweepFile read = SweepFile.read(file);
    Optional<Path> base = read.train().get(Settings.MODEL);
    if (base.isPresent()) {
      read.train().set(Settings.MODEL, bases.find(base.get()));
    }
    List<Map<String, Object>> choices = read.choices();
    if (choices.size() < 2 || choices.size() > MOST_RUNS) {
      throw new InvalidInputException(
          "%s: try: gives %s runs, and there must be 2 to %s"
              .formatted(file, choices.size(), MOST_RUNS));
    }
    int[] ends = ends(file, choices.size(), read.budget());
    List<TrainingConfig> configs = new ArrayList<>();
    try (NewFolder _ = NewFolder.at(read.folder())) { // adapters need a folder to be written to
      for (int i = 0; i < choices.size(); i++) {
        configs.add(config(file, read, choices.get(i), i, ends));
      }
    }
    return new SweepPlan(read.folder(), choices, configs, ends);
  }

  /// The ends of the rounds, such that all steps of all runs are within the budget.
  private static int[] ends(Path file, int runs, int budget) {
    int rounds = 1 + (31 - Integer.numberOfLeadingZeros(runs));
    long units = runs; // steps of all runs, in those of the first round
    for (int round = 1; round < rounds; round++) {
      units += (long) (runs >> round) << (round - 1);
    }
    int first = (int) (budget / units);
    if (first < 1) {
      throw new InvalidInputException(
          "%s: budget: %s runs need at least %s steps in all, and there are %s"
              .formatted(file, runs, units, budget));
    }
    int[] ends = new int[rounds];
    for (int round = 0; round < rounds; round++) {
      ends[round] = first << round;
    }
    return ends;
  }

  private static TrainingConfig config(
      Path file, SweepFile read, Map<String, Object> choice, int run, int[] ends) {
    TrainingOptions options = new TrainingOptions().readFrom(file);
    choice.forEach(
        (key, value) ->
            options.setText(Settings.named(key).orElseThrow(), SweepFile.texts(value), ""));
    String name = name(run);
    TrainingOptions own =
        new TrainingOptions()
            .output(read.folder().resolve(name + ".gguf"))
            .set(Settings.RUN, read.folder().resolve(name))
            .set(Settings.STEPS, ends[ends.length - 1])
            .set(Settings.EVALUATE_EVERY, ends[0]);
    try {
      TrainingConfig config = own.orElse(options.orElse(read.train())).resolve();
      if (config.get(Settings.VALIDATION) instanceof ValidationData.None) {
        throw new InvalidInputException("train: validation is needed: runs are judged by its loss");
      }
      return config;
    } catch (InvalidInputException e) {
      throw new InvalidInputException("%s: with %s: %s".formatted(file, choice, e.getMessage()), e);
    }
  }

  /// The name of a run's folder.
  ///
  /// @param run from 0
  static String name(int run) {
    return String.format(Locale.ROOT, "run-%03d", run + 1);
  }

  /// All that a sweep's decisions follow from, for its log.
  Map<String, Object> described() {
    Map<String, Object> described = new LinkedHashMap<>();
    described.put("runs", choices);
    described.put("ends", Arrays.stream(ends).boxed().toList());
    described.put("settings", configs.getFirst().settingsOfAdapter());
    Map<String, Object> files = new LinkedHashMap<>(configs.getFirst().settings());
    files.keySet().retainAll(READ.stream().map(Setting::key).toList());
    described.put("files", files);
    return described;
  }

  /// Runs that are left in a round, from 0.
  int left(int round) {
    return choices.size() >> round;
  }

  /// Steps of all runs together.
  public long steps() {
    long steps = 0;
    for (int round = 0; round < ends.length; round++) {
      steps += (long) left(round) * (ends[round] - (round == 0 ? 0 : ends[round - 1]));
    }
    return steps;
  }
}

package io.lorikeet.finetune.tasks;

import io.lorikeet.export.Verification;
import io.lorikeet.finetune.FineTuned;
import io.lorikeet.finetune.FineTuning;
import io.lorikeet.finetune.Problem;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.parallel.MachineTask;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Trains a task on a machine of a cluster, in a folder that is deleted afterwards: the files of
/// the result travel back.
///
/// @param settings as YAML; base and data have the same paths on each machine
/// @param baseHash SHA-256 of the base's file
record TaskTraining(String settings, String baseHash) implements MachineTask<TaskTraining.Answer> {
  /// The files of a run that are kept, besides the adapter.
  private static final List<String> KEPT = List.of(RunFiles.METRICS, RunFiles.REPORT);

  private static final String ADAPTER = "adapter.gguf";

  /// The end of a try.
  ///
  /// @param files by their names in the run's folder; of the adapter under none
  /// @param loss NaN where there is none
  /// @param problem why there is no adapter
  /// @param lasting whether another try would end the same
  record Answer(
      String machine,
      LinkedHashMap<String, byte[]> files,
      byte[] adapter,
      int steps,
      double loss,
      double seconds,
      Verification.@Nullable Verdict verdict,
      @Nullable String problem,
      boolean lasting)
      implements Serializable {}

  static TaskTraining of(TrainingConfig config, String baseHash) {
    return new TaskTraining(ConfigFile.write(config), baseHash);
  }

  @Override
  public Answer run(String machine) throws IOException {
    Path folder = Files.createTempDirectory("lorikeet-task");
    try {
      return train(machine, folder);
    } catch (IOException | RuntimeException e) {
      Problem problem = Problem.of(e);
      return new Answer(
          machine,
          new LinkedHashMap<>(),
          new byte[0],
          0,
          Double.NaN,
          0,
          null,
          machine + ": " + problem.message(),
          problem.kind() == Problem.Category.BAD_INPUT);
    } finally {
      delete(folder);
    }
  }

  private Answer train(String machine, Path folder) throws IOException {
    Path output = folder.resolve(ADAPTER);
    Path run = folder.resolve("run");
    TrainingOptions own = new TrainingOptions().output(output).set(Settings.RUN, run);
    TrainingConfig config =
        own.orElse(ConfigFile.parse(Path.of("the task's settings"), settings)).resolve();
    GgufFile base = SharedBases.open(config.get(Settings.MODEL), baseHash);
    FineTuned done = new FineTuning(_ -> {}).on(base).run(config, false);
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (String name : KEPT) {
      if (Files.exists(run.resolve(name))) {
        files.put(name, Files.readAllBytes(run.resolve(name)));
      }
    }
    TrainingResult result = done.training();
    return new Answer(
        machine,
        new LinkedHashMap<>(files),
        Files.readAllBytes(output),
        result.steps(),
        result.validationAfter().orElse(result.finalLoss()),
        result.seconds(),
        done.verification().map(Verification::verdict).orElse(null),
        null,
        false);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}

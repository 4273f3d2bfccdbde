package io.lorikeet.train.run;

import io.lorikeet.bindings.Beta;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ShellText;
import io.lorikeet.train.checkpoint.Checkpoint;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The configuration with which a run goes on: the one it had, and the few changes that leave what
/// is trained as it is.
@Beta
public final class ResumedRun {
  private ResumedRun() {}

  /// The command that goes on with a run, to be pasted into a shell.
  public static String command(Path run) {
    return "lorikeet train --resume " + ShellText.quoted(run);
  }

  /// Reads a run's configuration and applies changes to it.
  ///
  /// @param run the run's folder
  /// @param changes the settings given anew
  /// @param listener warned of damaged checkpoints
  /// @throws InvalidInputException when the folder holds no run, or with all changes that can't be
  ///     made
  public static TrainingConfig config(Path run, TrainingOptions changes, TrainingListener listener)
      throws IOException {
    RunFolder.requireRun(run);
    TrainingOptions recorded = recorded(run, listener);
    List<String> problems = new ArrayList<>();
    for (Setting<?> setting : Settings.all()) {
      Optional<?> now = changes.get(setting);
      Optional<?> before = recorded.get(setting);
      boolean same = now.isEmpty() || now.equals(before);
      if (!same && !setting.is(Setting.Trait.MAY_CHANGE)) {
        problems.add(
            "--%s: %s instead of %s"
                .formatted(setting, now.get(), before.map(Object::toString).orElse("its default")));
      }
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          "resume: the run in %s can't change this now; leave it out, or start a new run"
              .formatted(run),
          problems);
    }
    return changes.orElse(recorded).set(Settings.RUN, run).resolve();
  }

  private static TrainingOptions recorded(Path run, TrainingListener listener) throws IOException {
    try (RunFolder folder = RunFolder.reopen(run)) {
      Optional<Checkpoint> newest = RunSaver.newest(folder.checkpoints(), listener);
      if (newest.isEmpty()) {
        return ConfigFile.read(RunFolder.configuration(run)); // it was killed before its first one
      }
      try (Checkpoint checkpoint = newest.get()) {
        String yaml = checkpoint.metadata().requireString(RunSaver.CONFIG);
        return ConfigFile.parse(checkpoint.path(), yaml);
      }
    }
  }
}

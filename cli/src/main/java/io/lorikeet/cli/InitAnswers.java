package io.lorikeet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The answers to `init` that were given as options.
///
/// @param data a file, a folder or a pattern
/// @param goal see [io.lorikeet.train.settings.Settings#FOR]
/// @param time see [InitDialogue#NO_TIME]
record InitAnswers(
    Optional<Path> model, Optional<String> data, Optional<String> goal, Optional<String> time) {

  /// The options that weren't given.
  List<String> missing() {
    List<String> missing = new ArrayList<>();
    add(missing, "--model", model);
    add(missing, "--data", data);
    add(missing, "--goal", goal);
    add(missing, "--time", time);
    return missing;
  }

  private static void add(List<String> missing, String name, Optional<?> answer) {
    if (answer.isEmpty()) {
      missing.add(name);
    }
  }
}

package io.lorikeet.finetune.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.finetune.yaml.YamlTree;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import io.lorikeet.quant.NewFolder;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/// Tasks on one base, each of which gets an adapter of its own.
///
/// @param folder where adapters and runs are kept
/// @param retries further tries of a task that failed
public record TaskPlan(Path folder, int retries, List<Task> tasks) {
  private static final List<String> KEYS = List.of("folder", "retries", "train", "tasks");
  private static final List<Setting<?>> OWN = List.of(Settings.OUTPUT, Settings.RUN);
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");
  private static final int MOST_TASKS = 100_000;

  /// A task.
  ///
  /// @param config with its own output and run folder
  public record Task(String name, TrainingConfig config) {}

  /// Reads a YAML file with `folder`, `retries`, `train` (settings of all tasks) and `tasks` (a
  /// list: a name, and the settings that differ), and checks all tasks.
  ///
  /// @throws InvalidInputException with what is wrong, before anything is written
  public static TaskPlan read(Path file) throws IOException {
    JsonNode root = YamlTree.read(file);
    try {
      return of(file, root);
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException(file + ": " + e.getMessage(), e);
    }
  }

  private static TaskPlan of(Path file, JsonNode root) throws IOException {
    if (!root.isObject()) {
      throw new IllegalArgumentException(
          "expected lines of 'key: value', with " + String.join(", ", KEYS));
    }
    NearestName.requireKnown(root.fieldNames(), KEYS);
    Path folder = YamlTree.folder(root);
    int retries = root.has("retries") ? YamlTree.whole(root, "retries", 0, 100) : 1;
    if (!root.path("train").isObject()) {
      throw new IllegalArgumentException("train: expected the settings of all tasks");
    }
    TrainingOptions train = options(file, root.path("train"), "train");
    JsonNode list = root.path("tasks");
    if (!list.isArray() || list.isEmpty() || list.size() > MOST_TASKS) {
      throw new IllegalArgumentException(
          "tasks: expected a list of 1 to %s, each with a name and its settings"
              .formatted(MOST_TASKS));
    }
    List<Task> tasks = new ArrayList<>();
    Set<String> names = new HashSet<>();
    try (NewFolder _ = NewFolder.at(folder)) { // adapters need a folder to be written to
      for (JsonNode entry : list) {
        Task task = task(file, folder, train, entry);
        if (!names.add(task.name())) {
          throw new IllegalArgumentException("tasks: two are named '" + task.name() + "'");
        }
        tasks.add(task);
      }
    }
    requireOneBase(tasks);
    return new TaskPlan(folder, retries, tasks);
  }

  private static Task task(Path file, Path folder, TrainingOptions train, JsonNode entry)
      throws IOException {
    String name = entry.path("name").asText();
    if (!entry.isObject() || !NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "tasks: expected a name of letters, digits, '.', '_' and '-' in each, found " + entry);
    }
    ObjectNode settings = entry.deepCopy();
    settings.remove("name");
    TrainingOptions own =
        new TrainingOptions()
            .readFrom(file)
            .output(folder.resolve(name + ".gguf"))
            .set(Settings.RUN, folder.resolve(name));
    try {
      return new Task(name, own.orElse(options(file, settings, name).orElse(train)).resolve());
    } catch (InvalidInputException e) {
      throw new InvalidInputException("%s: %s: %s".formatted(file, name, e.getMessage()), e);
    }
  }

  private static TrainingOptions options(Path file, JsonNode settings, String where)
      throws IOException {
    TrainingOptions options = ConfigFile.parse(file, YamlTree.MAPPER.writeValueAsString(settings));
    for (Setting<?> own : OWN) {
      if (options.get(own).isPresent()) {
        throw new IllegalArgumentException(
            "%s: %s follows from the task's name; leave it out".formatted(where, own));
      }
    }
    return options;
  }

  private static void requireOneBase(List<Task> tasks) {
    List<Path> bases =
        tasks.stream().map(task -> task.config().get(Settings.MODEL)).distinct().toList();
    if (bases.size() > 1) {
      throw new IllegalArgumentException(
          "tasks: all have one base, which is mapped once; these name " + bases);
    }
  }
}

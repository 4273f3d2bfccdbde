package io.lorikeet.finetune.sweep;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.finetune.yaml.YamlTree;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import io.lorikeet.train.settings.ValidationData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;

/// The file of a sweep: YAML with `folder`, `budget`, `train` (settings of all runs), `try`
/// (settings with the values to try), and for random choices `random` and `seed`.
///
/// @param budget optimizer steps of all runs together
/// @param train settings of all runs
/// @param choices the settings that differ, by their keys, of each run
record SweepFile(
    Path folder, int budget, TrainingOptions train, List<Map<String, Object>> choices) {
  private static final List<String> KEYS =
      List.of("folder", "budget", "train", "try", "random", "seed");
  private static final List<Setting<?>> OWN =
      List.of(
          Settings.OUTPUT,
          Settings.RUN,
          Settings.STEPS,
          Settings.EPOCHS,
          Settings.EVALUATE_EVERY,
          Settings.EARLY_STOP,
          Settings.MAX_TIME);

  /// Beside those of preferences, the settings that change what the validation loss is.
  private static final Set<Setting<?>> OF_MEASURE =
      Set.of(
          Settings.VALIDATION,
          Settings.TRAIN_ON,
          Settings.CHAT_TEMPLATE,
          Settings.TOO_LONG,
          Settings.FORMAT,
          Settings.COLUMNS);

  private static final int MOST_STEPS = 1_000_000_000;

  /// Draws of a choice that isn't there yet.
  private static final int MOST_DRAWS = 1000;

  /// @throws InvalidInputException with what isn't understood
  static SweepFile read(Path file) throws IOException {
    JsonNode root = YamlTree.read(file);
    try {
      return of(file, root);
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException(file + ": " + e.getMessage(), e);
    }
  }

  private static SweepFile of(Path file, JsonNode root) throws IOException {
    if (!root.isObject()) {
      throw new IllegalArgumentException(
          "expected lines of 'key: value', with " + String.join(", ", KEYS));
    }
    NearestName.requireKnown(root.fieldNames(), KEYS);
    Path folder = YamlTree.folder(root);
    int budget = YamlTree.whole(root, "budget", 1, MOST_STEPS);
    if (!root.path("train").isObject()) {
      throw new IllegalArgumentException("train: expected the settings of all runs");
    }
    TrainingOptions train =
        ConfigFile.parse(file, YamlTree.MAPPER.writeValueAsString(root.path("train")));
    for (Setting<?> own : OWN) {
      if (train.get(own).isPresent()) {
        throw new IllegalArgumentException("train: %s is the sweep's; leave it out".formatted(own));
      }
    }
    JsonNode tried = root.path("try");
    if (!tried.isObject() || tried.isEmpty()) {
      throw new IllegalArgumentException("try: expected settings with the values to try");
    }
    if (train.get(Settings.GATE).isPresent() || tried.has(Settings.GATE.key())) {
      throw new IllegalArgumentException(
          "gate: runs are compared by their loss, not by a gate; hold the best against it with"
              + " eval --gate");
    }
    NearestName.requireKnown(tried.fieldNames(), tryable());
    tried.fieldNames().forEachRemaining(key -> comparable(key, train));
    List<Map<String, Object>> choices =
        root.has("random")
            ? random(
                tried,
                YamlTree.whole(root, "random", 2, SweepPlan.MOST_RUNS),
                root.has("seed") ? YamlTree.whole(root, "seed", 0, Integer.MAX_VALUE) : 1)
            : grid(tried);
    check(choices);
    return new SweepFile(folder, budget, train, choices);
  }

  private static List<String> tryable() {
    return Settings.all().stream()
        .filter(setting -> !OWN.contains(setting))
        .<String>map(Setting::key)
        .toList();
  }

  /// Runs can be compared by their validation loss only where it is the same thing in all of them.
  private static void comparable(String key, TrainingOptions train) {
    Setting<?> setting = Settings.named(key).orElseThrow();
    boolean compared = // with the other texts of a batch
        setting == Settings.BATCH_SIZE
            && train.get(Settings.METHOD).equals(Optional.of(Method.CONTRASTIVE));
    if (setting.group() == Setting.Group.PREFERENCES || OF_MEASURE.contains(setting) || compared) {
      throw new IllegalArgumentException(
          "try: %s changes what the validation loss is, by which runs are compared".formatted(key));
    }
    boolean ofFile =
        train.get(Settings.VALIDATION).stream().allMatch(ValidationData.FromFile.class::isInstance);
    if (setting == Settings.SEED && !ofFile) {
      throw new IllegalArgumentException(
          "try: seed also chooses the measured examples; give validation as a file");
    }
  }

  private static List<Map<String, Object>> grid(JsonNode tried) {
    List<Map<String, Object>> all = new ArrayList<>(List.of(Map.of()));
    for (Map.Entry<String, JsonNode> setting : tried.properties()) {
      List<Map<String, Object>> longer = new ArrayList<>();
      for (Map<String, Object> begun : all) {
        for (Object value : values(setting)) {
          Map<String, Object> choice = new LinkedHashMap<>(begun);
          choice.put(setting.getKey(), value);
          longer.add(choice);
        }
        if (longer.size() > SweepPlan.MOST_RUNS) {
          throw new IllegalArgumentException(
              "try: a grid of more than %s runs; give 'random: N' for N of them"
                  .formatted(SweepPlan.MOST_RUNS));
        }
      }
      all = longer;
    }
    return all;
  }

  private static List<Object> values(Map.Entry<String, JsonNode> setting) {
    JsonNode list = setting.getValue();
    if (!list.isArray() || list.isEmpty()) {
      throw new IllegalArgumentException(
          "try: %s: expected a list of values%s"
              .formatted(
                  setting.getKey(), list.isObject() ? "; from and to are for 'random: N'" : ""));
    }
    return YamlTree.MAPPER.convertValue(
        list, YamlTree.MAPPER.getTypeFactory().constructCollectionType(List.class, Object.class));
  }

  private static List<Map<String, Object>> random(JsonNode tried, int count, int seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Map<String, Object>> all = new ArrayList<>();
    for (int draw = 0; draw < MOST_DRAWS && all.size() < count; draw++) {
      Map<String, Object> choice = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> setting : tried.properties()) {
        choice.put(setting.getKey(), drawn(setting, random));
      }
      if (!all.contains(choice)) {
        all.add(choice);
      }
    }
    if (all.size() < count) {
      throw new IllegalArgumentException(
          "random: there are only about %s different choices, not %s".formatted(all.size(), count));
    }
    return all;
  }

  private static Object drawn(Map.Entry<String, JsonNode> setting, SplittableRandom random) {
    JsonNode given = setting.getValue();
    if (!given.isObject()) {
      List<Object> values = values(setting);
      return values.get(random.nextInt(values.size()));
    }
    JsonNode from = given.path("from");
    JsonNode to = given.path("to");
    boolean usable = given.size() == 2 && from.isNumber() && to.isNumber();
    if (!usable || from.doubleValue() <= 0 || from.doubleValue() >= to.doubleValue()) {
      throw new IllegalArgumentException(
          "try: %s: expected a list, or numbers 'from' above 0 and 'to' above that"
              .formatted(setting.getKey()));
    }
    double low = Math.log(from.doubleValue());
    double value = Math.exp(low + random.nextDouble() * (Math.log(to.doubleValue()) - low));
    return from.isIntegralNumber() && to.isIntegralNumber()
        ? (Object) Math.round(value)
        : Double.valueOf(String.format(Locale.ROOT, "%.2e", value));
  }

  private static void check(List<Map<String, Object>> choices) {
    for (Map<String, Object> choice : choices) {
      choice.forEach(
          (key, value) -> {
            try {
              Settings.named(key).orElseThrow().parse(texts(value));
            } catch (IllegalArgumentException e) {
              throw new IllegalArgumentException("try: %s: %s".formatted(key, e.getMessage()), e);
            }
          });
    }
  }

  /// A value as flags have it.
  static List<String> texts(Object value) {
    return value instanceof List<?> list
        ? list.stream().map(String::valueOf).toList()
        : List.of(String.valueOf(value));
  }
}

package io.lorikeet.train.settings;

import io.lorikeet.quant.NearestName;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Finds the setting or option that somebody meant who knows another program's names: those of
/// Hugging Face's `TrainingArguments` and PEFT, of Axolotl, Unsloth and mlx-lm, and of llama.cpp.
/// Where no such name was given, the nearest one is taken for a slip.
public final class FamiliarNames {
  /// Other programs' names of options that are no settings of a training run.
  private static final Map<String, List<String>> OF_OPTIONS =
      Map.of(
          "tokens", List.of("max-tokens", "n", "n-predict"),
          "prompt", List.of("p"),
          "adapter", List.of("lora"),
          "type", List.of("outtype"));

  private FamiliarNames() {}

  /// `; did you mean 'x'?`, or nothing where no known name is near.
  ///
  /// @param known names of settings, or of options with their `--`
  public static String hint(String given, Collection<String> known) {
    return Stream.concat(
            OF_OPTIONS.entrySet().stream()
                .filter(option -> isOneOf(given, option.getValue()))
                .map(Map.Entry::getKey),
            Settings.all().stream()
                .filter(setting -> isOneOf(given, setting.otherNames()))
                .map(Setting::key))
        .flatMap(ours -> known.stream().filter(name -> name.replaceFirst("^--", "").equals(ours)))
        .findFirst()
        .map(name -> "; did you mean '" + name + "'?")
        .orElseGet(() -> NearestName.hint(given, known));
  }

  private static boolean isOneOf(String given, List<String> names) {
    String plain = NearestName.plain(given);
    return names.stream().anyMatch(name -> NearestName.plain(name).equals(plain));
  }
}

package io.lorikeet.train.settings;

import io.lorikeet.quant.NearestName;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Finds the setting or option that somebody meant who knows another program's names: those of
/// Hugging Face's `TrainingArguments` and PEFT, of Axolotl, Unsloth and mlx-lm, and of llama.cpp.
/// Where no such name was given, the nearest one is taken for a slip.
public final class FamiliarNames {
  /// Our names by theirs, which are without case, `-` and `_`. Of several the first that is known
  /// where the name was given.
  private static final Map<String, List<String>> OURS =
      Map.ofEntries(
          Map.entry("lr", List.of("learning-rate")),
          Map.entry("lrscheduler", List.of("schedule")),
          Map.entry("lrschedulertype", List.of("schedule")),
          Map.entry("r", List.of("rank")),
          Map.entry("lorar", List.of("rank")),
          Map.entry("maxlength", List.of("context")),
          Map.entry("maxseqlength", List.of("context")),
          Map.entry("maxseqlen", List.of("context")),
          Map.entry("sequencelen", List.of("context")),
          Map.entry("cutofflen", List.of("context")),
          Map.entry("c", List.of("context")),
          Map.entry("ctxsize", List.of("context")),
          Map.entry("maxtokens", List.of("tokens", "context")),
          Map.entry("n", List.of("tokens")),
          Map.entry("npredict", List.of("tokens")),
          Map.entry("p", List.of("prompt")),
          Map.entry("t", List.of("threads")),
          Map.entry("gradientaccumulationsteps", List.of("accumulate")),
          Map.entry("gradaccumulationsteps", List.of("accumulate")),
          Map.entry("gradaccum", List.of("accumulate")),
          Map.entry("maxiters", List.of("steps")),
          Map.entry("iters", List.of("steps")),
          Map.entry("savesteps", List.of("checkpoint-every")),
          Map.entry("savetotallimit", List.of("keep-checkpoints")),
          Map.entry("evalsteps", List.of("evaluate-every")),
          Map.entry("stepspereval", List.of("evaluate-every")),
          Map.entry("valdata", List.of("validation")),
          Map.entry("evaldata", List.of("validation")),
          Map.entry("valsetsize", List.of("validation")),
          Map.entry("dataset", List.of("data")),
          Map.entry("datasets", List.of("data")),
          Map.entry("trainfile", List.of("data")),
          Map.entry("f", List.of("data")),
          Map.entry("m", List.of("model")),
          Map.entry("base", List.of("model")),
          Map.entry("lora", List.of("adapter")),
          Map.entry("o", List.of("output")),
          Map.entry("outfile", List.of("output")),
          Map.entry("outtype", List.of("type")),
          Map.entry("modules", List.of("target")),
          Map.entry("template", List.of("chat-template")),
          Map.entry("gradientclipping", List.of("max-grad-norm")));

  private FamiliarNames() {}

  /// `; did you mean 'x'?`, or nothing where no known name is near.
  ///
  /// @param known names of settings, or of options with their `--`
  public static String hint(String given, Collection<String> known) {
    return translated(given, known)
        .map(name -> "; did you mean '" + name + "'?")
        .orElseGet(() -> NearestName.hint(given, known));
  }

  private static Optional<String> translated(String given, Collection<String> known) {
    return OURS.getOrDefault(NearestName.plain(given), List.of()).stream()
        .flatMap(ours -> known.stream().filter(name -> name.replaceFirst("^--", "").equals(ours)))
        .findFirst();
  }
}

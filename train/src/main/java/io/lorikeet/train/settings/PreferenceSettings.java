package io.lorikeet.train.settings;

import io.lorikeet.quant.InvalidInputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The numbers of a preference method. Those that it has no use for are 0.
///
/// @param beta how strongly the adapter is held to its reference: DPO's, IPO's and KTO's beta, what
///     SimPO multiplies rewards by, ORPO's weight of the odds ratio
/// @param smoothing share of pairs that are taken to be the wrong way round
/// @param sftWeight weight of the chosen answer's mean loss per token
/// @param gamma SimPO's least margin of rewards
/// @param goodWeight KTO's weight of good answers
/// @param badWeight KTO's weight of bad answers
public record PreferenceSettings(
    Method method,
    double beta,
    double smoothing,
    double sftWeight,
    double gamma,
    double goodWeight,
    double badWeight) {

  static final double BETA = 0.1;
  static final double SIMPO_BETA = 2;

  /// Which methods have use for a setting.
  private static final Map<Setting<?>, Set<Method>> USERS = users();

  private static Map<Setting<?>, Set<Method>> users() {
    Map<Setting<?>, Set<Method>> users = new LinkedHashMap<>();
    users.put(Settings.BETA, EnumSet.complementOf(EnumSet.of(Method.CONTRASTIVE)));
    users.put(Settings.LABEL_SMOOTHING, Set.of(Method.DPO, Method.SIMPO));
    users.put(Settings.SFT_WEIGHT, Set.of(Method.DPO, Method.IPO, Method.SIMPO, Method.ORPO));
    users.put(Settings.GAMMA, Set.of(Method.SIMPO));
    users.put(Settings.DESIRABLE_WEIGHT, Set.of(Method.KTO));
    users.put(Settings.UNDESIRABLE_WEIGHT, Set.of(Method.KTO));
    users.put(Settings.CONTRASTIVE_TEMPERATURE, Set.of(Method.CONTRASTIVE));
    users.put(Settings.QUERY_PREFIX, Set.of(Method.CONTRASTIVE));
    users.put(Settings.REFERENCE_ADAPTER, Set.of(Method.DPO, Method.IPO, Method.KTO));
    return users;
  }

  /// Those of a run with a method.
  public static PreferenceSettings of(TrainingConfig config) {
    return new PreferenceSettings(
        config.get(Settings.METHOD),
        config.get(Settings.BETA),
        config.find(Settings.LABEL_SMOOTHING).orElse(0.0),
        config.find(Settings.SFT_WEIGHT).orElse(0.0),
        config.find(Settings.GAMMA).orElse(0.0),
        config.find(Settings.DESIRABLE_WEIGHT).orElse(0.0),
        config.find(Settings.UNDESIRABLE_WEIGHT).orElse(0.0));
  }

  /// The adapter that a run is compared with: what it begins with, unless another is named.
  ///
  /// @return its file; empty where that is the base alone, or there is no reference
  public static Optional<Path> reference(TrainingConfig config) {
    return config
        .find(Settings.METHOD)
        .filter(Method::hasReference)
        .flatMap(
            _ ->
                config
                    .find(Settings.REFERENCE_ADAPTER)
                    .or(() -> config.find(Settings.INIT_ADAPTER)));
  }

  /// Refuses settings that a method has no use for.
  ///
  /// @param method empty for learning from examples
  /// @throws InvalidInputException with all of them
  public static void requireUsed(TrainingConfig config, Optional<Method> method) {
    List<String> problems = new ArrayList<>();
    USERS.forEach(
        (setting, users) -> {
          if (config.find(setting).isPresent() && method.filter(users::contains).isEmpty()) {
            problems.add(
                "%s: %s"
                    .formatted(
                        setting,
                        method.isEmpty()
                            ? "is of --method, and the data has no preferences"
                            : method.get().title() + " has no use for it; leave it out"));
          }
        });
    if (method.equals(Optional.of(Method.CONTRASTIVE))) {
      problems.addAll(notForEmbeddings(config));
    } else if (method.isPresent() && config.get(Settings.TRAIN_ON) == TrainingConfig.TrainOn.ALL) {
      problems.add("train-on: all isn't for preferences, which are learned from answers");
    }
    if (!problems.isEmpty()) {
      throw new InvalidInputException(String.join("\n", problems));
    }
  }

  /// Settings that are about answers, of which an adapter for embeddings gives none.
  private static List<String> notForEmbeddings(TrainingConfig config) {
    List<String> problems = new ArrayList<>();
    for (Setting<?> setting : List.of(Settings.GATE, Settings.INVOCATION, Settings.KEEP_BASE)) {
      if (config.find(setting).isPresent()) {
        problems.add(setting + ": isn't for contrastive learning, which has no answers");
      }
    }
    if (!config.get(Settings.SAMPLE).isEmpty()) {
      problems.add("sample: contrastive learning has no answers to show");
    }
    TrainingConfig.TooLong tooLong = config.get(Settings.TOO_LONG);
    if (tooLong != TrainingConfig.TooLong.CUT && tooLong != TrainingConfig.TooLong.DROP) {
      problems.add("too-long: texts to embed are cut or dropped");
    }
    if (config.get(Settings.TARGET).contains("output")) {
      problems.add("target: embeddings are made without the head; leave output out");
    }
    return problems;
  }
}

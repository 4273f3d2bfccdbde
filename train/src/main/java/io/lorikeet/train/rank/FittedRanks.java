package io.lorikeet.train.rank;

import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.models.lora.PairStart;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/// How the pairs of a run begin that finds their ranks itself.
public final class FittedRanks {
  /// A matrix's rank is at most so many times the usual one.
  private static final int MOST_TIMES_USUAL = 2;

  private final GgufFile base;
  private final TrainingConfig config;
  private final List<GgufTensor> matrices;

  private FittedRanks(GgufFile base, TrainingConfig config) {
    this.base = base;
    this.config = config;
    // Experts have a rank of their own, and a token embedding is given no numbers but tokens.
    matrices =
        LoraTargets.resolve(config.get(Settings.TARGET), ModelConfig.of(base)).stream()
            .filter(name -> !name.equals(LoraTargets.EMBEDDING))
            .map(name -> base.tensor(name).orElseThrow())
            .filter(tensor -> tensor.shape().size() == 2)
            .toList();
  }

  /// The ranks to plan memory with before the data is known: one for all matrices that takes the
  /// budget. Empty where ranks aren't found.
  ///
  /// @throws InvalidInputException when the budget isn't enough for rank 1
  public static Map<String, PairStart> planned(GgufFile base, TrainingConfig config) {
    if (!(config.get(Settings.RANK) instanceof RankChoice.Auto)) {
      return Map.of();
    }
    FittedRanks ranks = new FittedRanks(base, config);
    new RankBudget(ranks.budget()).require(ranks.priceOfOne(), ranks.matrices.size());
    long rank = Math.ceilDiv(ranks.budget(), Math.max(1, ranks.priceOfOne()));
    Map<String, PairStart> starts = new LinkedHashMap<>();
    for (GgufTensor matrix : ranks.matrices) {
      starts.put(
          matrix.name(),
          new PairStart((int) Math.clamp(rank, 1, smallerSide(matrix)), Optional.empty()));
    }
    return starts;
  }

  /// The ranks that a run has had before.
  public static Map<String, PairStart> of(LoraAdapter before) {
    return before.pairs().stream()
        .collect(
            Collectors.toMap(
                LoraPair::baseTensor, pair -> new PairStart(pair.rank(), Optional.empty())));
  }

  /// Finds the ranks, and says them.
  ///
  /// @throws InvalidInputException when the budget isn't enough
  /// @throws IOException when the base can't be read
  public static Map<String, PairStart> find(
      GgufFile base, TrainingConfig config, DataSet data, TrainingListener listener)
      throws IOException {
    return new FittedRanks(base, config).find(data, listener);
  }

  private Map<String, PairStart> find(DataSet data, TrainingListener listener) throws IOException {
    Map<String, Integer> counts = new LinkedHashMap<>();
    matrices.forEach(matrix -> counts.put(matrix.name(), mostRank(matrix)));
    SpectrumCollector collector = new SpectrumCollector(base, config, counts, listener);
    Map<String, InputSpectrum.Directions> found = collector.collect(data);
    List<GgufTensor> measured =
        matrices.stream().filter(matrix -> found.containsKey(matrix.name())).toList();
    List<RankBudget.Candidate> candidates =
        measured.stream()
            .map(
                matrix ->
                    new RankBudget.Candidate(
                        matrix.name(),
                        price(matrix),
                        Arrays.copyOf(
                            Objects.requireNonNull(found.get(matrix.name())).shares(),
                            mostRank(matrix))))
            .toList();
    long others =
        matrices.stream()
            .filter(matrix -> !found.containsKey(matrix.name()))
            .mapToLong(matrix -> RankChoice.USUAL * price(matrix))
            .sum();
    int[] ranks = new RankBudget(budget() - others).spend(candidates);
    Map<String, PairStart> starts = new LinkedHashMap<>();
    Map<String, Double> held = new HashMap<>();
    for (int i = 0; i < ranks.length; i++) {
      GgufTensor matrix = measured.get(i);
      InputSpectrum.Directions directions = Objects.requireNonNull(found.get(matrix.name()));
      int width = Math.toIntExact(matrix.shape().get(0));
      float[] a = Arrays.copyOf(directions.rows(), ranks[i] * width);
      starts.put(matrix.name(), new PairStart(ranks[i], Optional.of(a)));
      held.put(matrix.name(), Arrays.stream(directions.shares(), 0, ranks[i]).sum());
    }
    say(starts, held, collector.tokens(), listener);
    return starts;
  }

  private long budget() {
    OptionalLong given =
        config.get(Settings.RANK) instanceof RankChoice.Auto(OptionalLong parameters)
            ? parameters
            : OptionalLong.empty();
    return given.orElse(RankChoice.USUAL * priceOfOne());
  }

  private long priceOfOne() {
    return matrices.stream().mapToLong(FittedRanks::price).sum();
  }

  private static long price(GgufTensor matrix) {
    return matrix.shape().get(0) + matrix.shape().get(1);
  }

  private static long smallerSide(GgufTensor matrix) {
    return Math.min(matrix.shape().get(0), matrix.shape().get(1));
  }

  /// Twice the rank that the budget would be for all alike.
  private int mostRank(GgufTensor matrix) {
    long alike = Math.ceilDiv(budget(), Math.max(1, priceOfOne()));
    return (int) Math.clamp(MOST_TIMES_USUAL * alike, 1, smallerSide(matrix));
  }

  private void say(
      Map<String, PairStart> starts,
      Map<String, Double> held,
      long tokens,
      TrainingListener listener) {
    long spent =
        matrices.stream()
            .filter(matrix -> starts.containsKey(matrix.name()))
            .mapToLong(
                matrix -> Objects.requireNonNull(starts.get(matrix.name())).rank() * price(matrix))
            .sum();
    listener.on(
        new TrainingEvent.Note(
            String.format(
                Locale.ROOT,
                "rank auto: %,d parameters on the leading directions of what goes into %d matrices,"
                    + " seen at %,d tokens%n%s",
                spent,
                starts.size(),
                tokens,
                String.join(System.lineSeparator(), RankTable.lines(starts, held)))));
    List<String> unseen = new ArrayList<>();
    for (GgufTensor matrix : matrices) {
      if (!starts.containsKey(matrix.name())) {
        unseen.add(matrix.name());
      }
    }
    if (!unseen.isEmpty()) {
      listener.on(
          new TrainingEvent.Warning(
              "rank auto: %s matrices have rank %s, since llama.cpp doesn't show what goes into them: %s"
                  .formatted(unseen.size(), RankChoice.USUAL, String.join(", ", unseen))));
    }
  }
}

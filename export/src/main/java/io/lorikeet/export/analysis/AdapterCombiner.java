package io.lorikeet.export.analysis;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.quant.InvalidInputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Makes one adapter of several, and adapters of lower rank.
public final class AdapterCombiner {

  private AdapterCombiner() {}

  /// An adapter and the factor of its change of the weights.
  ///
  /// @param name its name in messages, such as its file
  /// @param scale 1 for the adapter as it was trained
  public record ScaledAdapter(String name, LoraAdapter adapter, double scale) {}

  /// An adapter of lower rank.
  ///
  /// @param energy for each weight the share of ‖ΔW‖² that is kept
  /// @param totalEnergy the share of the sum of all ‖ΔW‖² that is kept
  public record Compressed(LoraAdapter adapter, Map<String, Double> energy, double totalEnergy) {}

  /// The adapter that does what all parts do together, exactly: the ranks of a weight's pairs are
  /// put side by side, so they add up. A file has one alpha, so the scales go into B.
  ///
  /// @param parts at least one
  /// @throws InvalidInputException when they aren't for bases of one architecture and of equal
  ///     shapes (all that differ are named), or a scale is 0 or no number
  public static LoraAdapter concatenate(List<ScaledAdapter> parts) {
    check(parts);
    Map<String, List<ScaledPair>> byWeight = new LinkedHashMap<>();
    for (ScaledAdapter part : parts) {
      for (LoraPair pair : ExpertPairs.apart(part.adapter().pairs())) {
        double scaling = part.scale() * part.adapter().alpha() / pair.rank();
        byWeight
            .computeIfAbsent(pair.baseTensor(), _ -> new ArrayList<>())
            .add(new ScaledPair(pair, scaling));
      }
    }
    // With the largest rank as alpha, no pair is scaled down by alpha / rank.
    int alpha = byWeight.values().stream().mapToInt(AdapterCombiner::rank).max().orElseThrow();
    List<LoraPair> pairs = new ArrayList<>();
    byWeight.values().forEach(scaled -> pairs.add(concatenate(scaled, alpha)));
    return new LoraAdapter(
        parts.getFirst().adapter().architecture(), alpha, ExpertPairs.together(pairs));
  }

  private record ScaledPair(LoraPair pair, double scaling) {}

  private static void check(List<ScaledAdapter> parts) {
    List<String> problems = new ArrayList<>();
    ScaledAdapter first = parts.getFirst();
    Map<String, LoraPair> known = new LinkedHashMap<>();
    for (ScaledAdapter part : parts) {
      if (!Double.isFinite(part.scale()) || part.scale() == 0) {
        problems.add("the scale of %s is %s".formatted(part.name(), part.scale()));
      }
      if (part.adapter().invocation().isPresent()) {
        problems.add(part.name() + " acts only from certain tokens on (aLoRA)");
      }
      if (!part.adapter().architecture().equals(first.adapter().architecture())) {
        problems.add(
            "%s is for the architecture %s, %s for %s"
                .formatted(
                    first.name(),
                    first.adapter().architecture(),
                    part.name(),
                    part.adapter().architecture()));
      }
      for (LoraPair pair : part.adapter().pairs()) {
        LoraPair other = known.putIfAbsent(pair.baseTensor(), pair);
        if (other != null
            && (other.inputs() != pair.inputs()
                || other.outputs() != pair.outputs()
                || other.experts() != pair.experts())) {
          problems.add(
              "%s is [%s, %s, %s] in %s, elsewhere [%s, %s, %s]"
                  .formatted(
                      pair.baseTensor(),
                      pair.inputs(),
                      pair.outputs(),
                      pair.experts(),
                      part.name(),
                      other.inputs(),
                      other.outputs(),
                      other.experts()));
        }
      }
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of("these adapters can't be combined", problems);
    }
  }

  private static int rank(List<ScaledPair> scaled) {
    return scaled.stream().mapToInt(each -> each.pair().rank()).sum();
  }

  private static LoraPair concatenate(List<ScaledPair> scaled, int alpha) {
    LoraPair first = scaled.getFirst().pair();
    int inputs = first.inputs();
    int outputs = first.outputs();
    int rank = rank(scaled);
    boolean flipped = first.baseTensor().equals(LoraTargets.EMBEDDING);
    float[] a = new float[Math.multiplyExact(rank, inputs)];
    float[] b = new float[Math.multiplyExact(rank, outputs)];
    int from = 0;
    for (ScaledPair each : scaled) {
      LoraPair pair = each.pair();
      double factor = each.scaling() * rank / alpha;
      if (flipped) {
        insertColumns(pair.a(), pair.rank(), 1, a, rank, from);
      } else {
        System.arraycopy(pair.a(), 0, a, from * inputs, pair.a().length);
      }
      insertColumns(pair.b(), pair.rank(), factor, b, rank, from);
      from += pair.rank();
    }
    return new LoraPair(first.baseTensor(), inputs, outputs, rank, a, b);
  }

  private static void insertColumns(
      float[] matrix, int columns, double factor, float[] into, int intoColumns, int at) {
    for (int i = 0; i < matrix.length; i++) {
      into[i / columns * intoColumns + at + i % columns] = (float) (factor * matrix[i]);
    }
  }

  /// The adapter of this rank that comes closest: of each ΔW the largest singular values are kept,
  /// see [PairSvd]. Pairs of lower rank keep theirs.
  ///
  /// @param rank at least 1
  public static Compressed compress(LoraAdapter adapter, int rank) {
    List<PairSvd> all =
        ExpertPairs.apart(adapter.pairs()).parallelStream()
            .map(pair -> PairSvd.of(pair, (double) adapter.alpha() / pair.rank()))
            .toList();
    Map<String, Double> energy = new LinkedHashMap<>();
    List<LoraPair> pairs = new ArrayList<>();
    double kept = 0;
    double whole = 0;
    for (PairSvd svd : all) {
      int own = Math.min(rank, svd.values().length);
      pairs.add(svd.truncated(own, (double) rank / own));
      double square = svd.norm() * svd.norm();
      energy.put(svd.pair().baseTensor(), svd.energy(own));
      kept += square * svd.energy(own);
      whole += square;
    }
    LoraAdapter compressed =
        new LoraAdapter(
            adapter.architecture(), rank, ExpertPairs.together(pairs), adapter.invocation());
    return new Compressed(compressed, energy, whole == 0 ? 1 : kept / whole);
  }

  /// The ranks that occur in an adapter, lowest first.
  public static List<Integer> ranks(LoraAdapter adapter) {
    return adapter.pairs().stream().map(LoraPair::rank).distinct().sorted().toList();
  }
}

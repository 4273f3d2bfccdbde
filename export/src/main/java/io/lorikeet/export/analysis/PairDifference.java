package io.lorikeet.export.analysis;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.InvalidInputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;

/// How two adapters differ in one weight, each applied as it was trained.
///
/// @param weight the weight's name
/// @param firstRank rank of the first adapter's pair, 0 if it has none
/// @param secondRank rank of the second adapter's pair, 0 if it has none
/// @param firstNorm ‖ΔW‖ of the first adapter, the Frobenius norm
/// @param secondNorm ‖ΔW‖ of the second adapter
/// @param differenceNorm ‖ΔW₁ - ΔW₂‖
/// @param cosine ⟨ΔW₁, ΔW₂⟩ / (‖ΔW₁‖ ‖ΔW₂‖): 1 where they change the weight alike, 0 where they
///     have nothing to do with each other; 0 where one is 0
/// @param inputOverlap share, from 0 to 1, that the directions of inputs they look at have in
///     common (the LoRA paper's φ, section 7.2)
/// @param identical whether scale and matrices are the same, number by number
public record PairDifference(
    String weight,
    int firstRank,
    int secondRank,
    double firstNorm,
    double secondNorm,
    double differenceNorm,
    double cosine,
    double inputOverlap,
    boolean identical) {

  /// Compares two adapters weight by weight, in the first one's order, then what only the second
  /// has.
  ///
  /// @throws InvalidInputException when weights that both adapt have other shapes (all are named)
  public static List<PairDifference> between(LoraAdapter first, LoraAdapter second) {
    Map<String, LoraPair> ofFirst = byWeight(first);
    Map<String, LoraPair> ofSecond = byWeight(second);
    requireSameShapes(ofFirst, ofSecond);
    List<String> weights = new ArrayList<>(ofFirst.keySet());
    ofSecond.keySet().stream().filter(name -> !ofFirst.containsKey(name)).forEach(weights::add);
    return weights.parallelStream()
        .map(
            weight ->
                of(
                    weight,
                    Optional.ofNullable(ofFirst.get(weight)).map(pair -> svd(pair, first)),
                    Optional.ofNullable(ofSecond.get(weight)).map(pair -> svd(pair, second)),
                    first.alpha() == second.alpha()))
        .toList();
  }

  private static Map<String, LoraPair> byWeight(LoraAdapter adapter) {
    Map<String, LoraPair> pairs = new LinkedHashMap<>();
    ExpertPairs.apart(adapter.pairs()).forEach(pair -> pairs.put(pair.baseTensor(), pair));
    return pairs;
  }

  private static void requireSameShapes(Map<String, LoraPair> first, Map<String, LoraPair> second) {
    List<String> problems = new ArrayList<>();
    for (LoraPair pair : second.values()) {
      LoraPair other = first.getOrDefault(pair.baseTensor(), pair);
      if (pair.inputs() != other.inputs() || pair.outputs() != other.outputs()) {
        problems.add(
            "%s is [%s, %s] in the first and [%s, %s] in the second"
                .formatted(
                    pair.baseTensor(),
                    other.inputs(),
                    other.outputs(),
                    pair.inputs(),
                    pair.outputs()));
      }
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of("these adapters are for different bases", problems);
    }
  }

  private static PairSvd svd(LoraPair pair, LoraAdapter adapter) {
    return PairSvd.of(pair, (double) adapter.alpha() / pair.rank());
  }

  private static PairDifference of(
      String weight, Optional<PairSvd> first, Optional<PairSvd> second, boolean sameAlpha) {
    double firstNorm = first.map(PairSvd::norm).orElse(0.0);
    double secondNorm = second.map(PairSvd::norm).orElse(0.0);
    double product = 0;
    double overlap = 0;
    boolean identical = false;
    if (first.isPresent() && second.isPresent()) {
      LoraPair a = first.get().pair();
      LoraPair b = second.get().pair();
      product = innerProduct(first.get(), second.get());
      overlap = PairAnalysis.overlap(first.get().right(), second.get().right());
      identical = sameAlpha && a.hasMatricesOf(b);
    }
    double square = firstNorm * firstNorm + secondNorm * secondNorm - 2 * product;
    double both = firstNorm * secondNorm;
    return new PairDifference(
        weight,
        first.map(svd -> svd.pair().rank()).orElse(0),
        second.map(svd -> svd.pair().rank()).orElse(0),
        firstNorm,
        secondNorm,
        identical ? 0 : Math.sqrt(Math.max(0, square)),
        both == 0 ? 0 : product / both,
        overlap,
        identical);
  }

  /// ⟨ΔW₁, ΔW₂⟩ = Σ s₁ᵢ s₂ⱼ (U₁ᵀU₂)ᵢⱼ (V₁ᵀV₂)ᵢⱼ.
  private static double innerProduct(PairSvd first, PairSvd second) {
    DMatrixRMaj left = CommonOps_DDRM.multTransA(first.left(), second.left(), null);
    DMatrixRMaj right = CommonOps_DDRM.multTransA(first.right(), second.right(), null);
    double[] ofFirst = first.values();
    double[] ofSecond = second.values();
    double sum = 0;
    for (int i = 0; i < ofFirst.length; i++) {
      for (int j = 0; j < ofSecond.length; j++) {
        sum += ofFirst[i] * ofSecond[j] * left.get(i, j) * right.get(i, j);
      }
    }
    return sum;
  }
}

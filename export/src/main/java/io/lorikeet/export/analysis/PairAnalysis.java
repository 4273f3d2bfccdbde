package io.lorikeet.export.analysis;

import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.util.Optional;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.NormOps_DDRM;

/// The change of a weight by its pair.
///
/// @param weight the adapted weight's name
/// @param rank rank of the pair
/// @param parameters parameters of the pair
/// @param norm ‖ΔW‖, the Frobenius norm
/// @param values ΔW's singular values, largest first
/// @param effectiveRank see [PairSvd#effectiveRank]
/// @param rankFor99 the rank that 99 % of ‖ΔW‖² need: where it is far below the rank, a lower one
///     would do
/// @param againstBase how ΔW relates to the weight, where the base was given
public record PairAnalysis(
    String weight,
    int rank,
    long parameters,
    double norm,
    double[] values,
    double effectiveRank,
    int rankFor99,
    Optional<AgainstBase> againstBase) {
  private static final double MOST = 0.99;

  /// ΔW beside the frozen weight W it is added to, as in section 7.3 of the LoRA paper
  /// (arXiv 2106.09685). With U and V the left and right singular vectors of ΔW:
  ///
  /// @param relativeNorm ‖ΔW‖ / ‖W‖
  /// @param amplification ‖ΔW‖ / ‖UᵀWV‖: the ratio of ΔW to W in ΔW's own directions
  /// @param inputOverlap share, from 0 to 1, that ΔW's input directions have in common with as many
  ///     of those that W stretches most: ‖V_Wᵀ V‖² / rank (the paper's φ)
  /// @param outputOverlap the same of output directions
  /// @param inputOverlapByChance the same share of random directions
  /// @param outputOverlapByChance the same share of random directions
  public record AgainstBase(
      double relativeNorm,
      double amplification,
      double inputOverlap,
      double outputOverlap,
      double inputOverlapByChance,
      double outputOverlapByChance) {}

  /// Analyses a pair of a single matrix, see [ExpertPairs], by itself.
  ///
  /// @param alpha the adapter's
  public static PairAnalysis of(LoraPair pair, float alpha) {
    return of(PairSvd.of(pair, (double) alpha / pair.rank()), Optional.empty());
  }

  /// Analyses a pair of a single matrix beside its weight, which is read three times.
  ///
  /// @param alpha the adapter's
  /// @param base the base, which the pair was checked to fit
  public static PairAnalysis of(LoraPair pair, float alpha, GgufFile base) {
    PairSvd svd = PairSvd.of(pair, (double) alpha / pair.rank());
    return of(svd, Optional.of(against(base, svd)));
  }

  private static PairAnalysis of(PairSvd svd, Optional<AgainstBase> againstBase) {
    return new PairAnalysis(
        svd.pair().baseTensor(),
        svd.pair().rank(),
        svd.pair().parameters(),
        svd.norm(),
        svd.values(),
        svd.effectiveRank(),
        svd.rankFor(MOST),
        againstBase);
  }

  private static AgainstBase against(GgufFile base, PairSvd svd) {
    LoraPair pair = svd.pair();
    GgufTensor weight = base.tensor(ExpertPairs.weight(pair.baseTensor())).orElseThrow();
    int expert = ExpertPairs.expert(pair.baseTensor());
    // The file holds the token embedding as [vocabulary, embedding], so its rows are inputs.
    boolean flipped = pair.baseTensor().equals(LoraTargets.EMBEDDING);
    DMatrixRMaj ofRows = flipped ? svd.right() : svd.left();
    DMatrixRMaj ofColumns = flipped ? svd.left() : svd.right();
    int count = svd.values().length;
    BaseDirections.Directions found =
        new BaseDirections(base, weight, expert).find(count, ofColumns);
    double projected = NormOps_DDRM.normF(CommonOps_DDRM.multTransA(ofRows, found.image(), null));
    double rowOverlap = overlap(found.left(), ofRows);
    double columnOverlap = overlap(found.right(), ofColumns);
    return new AgainstBase(
        svd.norm() / found.norm(),
        svd.norm() == 0 ? 0 : svd.norm() / projected,
        flipped ? rowOverlap : columnOverlap,
        flipped ? columnOverlap : rowOverlap,
        (double) count / pair.inputs(),
        (double) count / pair.outputs());
  }

  /// ‖PᵀQ‖² / count of two sets of as many orthonormal columns: 1 where they span the same.
  static double overlap(DMatrixRMaj first, DMatrixRMaj second) {
    DMatrixRMaj product = CommonOps_DDRM.multTransA(first, second, null);
    return BaseDirections.square(product) / Math.min(first.numCols, second.numCols);
  }
}

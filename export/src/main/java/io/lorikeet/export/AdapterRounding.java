package io.lorikeet.export;

import io.lorikeet.bindings.Beta;
import io.lorikeet.export.analysis.PairDifference;
import io.lorikeet.models.lora.LoraAdapter;
import java.util.Comparator;
import java.util.Optional;

/// The loss of an adapter's numbers by the number format of its file.
///
/// @param weight the adapted weight whose ΔW loses most
/// @param share ‖ΔW - ΔW meant‖ / ‖ΔW meant‖ of that weight; infinite where only the meant one is 0
@Beta
public record AdapterRounding(String weight, double share) {

  /// Compares the stored adapter with the meant one.
  ///
  /// @return nothing where all numbers are the same
  static Optional<AdapterRounding> between(LoraAdapter meant, LoraAdapter stored) {
    return PairDifference.between(meant, stored).stream()
        .filter(pair -> !pair.identical())
        .map(AdapterRounding::of)
        .max(Comparator.comparingDouble(AdapterRounding::share));
  }

  private static AdapterRounding of(PairDifference pair) {
    double share = pair.differenceNorm() == 0 ? 0 : pair.differenceNorm() / pair.firstNorm();
    return new AdapterRounding(pair.weight(), share);
  }
}

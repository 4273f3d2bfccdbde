package io.lorikeet.train.loop;

import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import java.util.List;

/// A pair of rank r can't change more of a matrix than its smaller side has.
///
/// @param smallest the least that any adapted matrix has for its smaller side
/// @param smallestTensor name of that matrix
/// @param largest the most that any has
record RankCheck(long smallest, String smallestTensor, long largest) {

  /// @throws InvalidInputException for targets that this base doesn't have
  static RankCheck of(GgufFile base, ModelConfig model, List<String> targets) {
    long smallest = Long.MAX_VALUE;
    String smallestTensor = "";
    long largest = 0;
    for (String name : LoraTargets.resolve(targets, model)) {
      GgufTensor weight = base.tensor(name).orElseThrow();
      if (weight.shape().size() > 2) {
        continue; // experts have a rank of their own
      }
      long side = Math.min(weight.shape().get(0), weight.shape().get(1));
      if (side < smallest) {
        smallest = side;
        smallestTensor = name;
      }
      largest = Math.max(largest, side);
    }
    return new RankCheck(smallest, smallestTensor, largest);
  }

  /// @throws InvalidInputException for a rank that no matrix has use for
  void check(int rank, TrainingListener listener) {
    if (largest == 0) {
      return;
    }
    if (rank > largest) {
      throw new InvalidInputException(
          "rank: %s is more than any adapted matrix of this base can use; give at most %s"
              .formatted(rank, largest));
    }
    if (rank > smallest) {
      listener.on(
          new TrainingEvent.Warning(
              "rank %s is more than %s can use, whose smaller side is %s; consider a lower --rank"
                  .formatted(rank, smallestTensor, smallest)));
    }
  }
}

package io.lorikeet.export.analysis;

import io.lorikeet.models.lora.LoraPair;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Takes the pairs of a mixture's experts apart, since each of them is one of a matrix of its own:
/// that of expert 3 of `blk.0.ffn_up_exps.weight` is called `blk.0.ffn_up_exps.weight[3]`.
public final class ExpertPairs {

  private ExpertPairs() {}

  /// One pair for each matrix.
  public static List<LoraPair> apart(List<LoraPair> pairs) {
    List<LoraPair> all = new ArrayList<>();
    for (LoraPair pair : pairs) {
      if (pair.experts() == 1) {
        all.add(pair);
        continue;
      }
      int sizeOfA = pair.a().length / pair.experts();
      int sizeOfB = pair.b().length / pair.experts();
      for (int expert = 0; expert < pair.experts(); expert++) {
        all.add(
            new LoraPair(
                pair.baseTensor() + "[" + expert + "]",
                pair.inputs(),
                pair.outputs(),
                pair.rank(),
                Arrays.copyOfRange(pair.a(), expert * sizeOfA, (expert + 1) * sizeOfA),
                Arrays.copyOfRange(pair.b(), expert * sizeOfB, (expert + 1) * sizeOfB)));
      }
    }
    return all;
  }

  /// The pairs that [#apart] made these of, or would have: a weight's experts are in their order,
  /// all there, and of one rank.
  static List<LoraPair> together(List<LoraPair> matrices) {
    Map<String, List<LoraPair>> byWeight = new LinkedHashMap<>();
    for (LoraPair matrix : matrices) {
      byWeight.computeIfAbsent(weight(matrix.baseTensor()), _ -> new ArrayList<>()).add(matrix);
    }
    List<LoraPair> pairs = new ArrayList<>();
    byWeight.forEach((name, experts) -> pairs.add(together(name, experts)));
    return pairs;
  }

  private static LoraPair together(String name, List<LoraPair> experts) {
    LoraPair first = experts.getFirst();
    if (experts.size() == 1) {
      return first;
    }
    float[] a = new float[first.a().length * experts.size()];
    float[] b = new float[first.b().length * experts.size()];
    for (int expert = 0; expert < experts.size(); expert++) {
      LoraPair each = experts.get(expert);
      System.arraycopy(each.a(), 0, a, expert * first.a().length, each.a().length);
      System.arraycopy(each.b(), 0, b, expert * first.b().length, each.b().length);
    }
    return new LoraPair(name, first.inputs(), first.outputs(), first.rank(), experts.size(), a, b);
  }

  /// The base's tensor that holds a matrix.
  static String weight(String matrix) {
    int bracket = matrix.indexOf('[');
    return bracket < 0 ? matrix : matrix.substring(0, bracket);
  }

  /// Which of its tensor's experts a matrix belongs to; 0 for other matrices.
  static int expert(String matrix) {
    int bracket = matrix.indexOf('[');
    return bracket < 0 ? 0 : Integer.parseInt(matrix, bracket + 1, matrix.length() - 1, 10);
  }
}

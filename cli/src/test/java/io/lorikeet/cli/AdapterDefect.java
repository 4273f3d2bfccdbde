package io.lorikeet.cli;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/// Ways in which an adapter's file can be wrong.
enum AdapterDefect {
  SCALE_DOUBLED,
  SCALE_HALVED,
  SIGN_FLIPPED,
  LAYERS_SWAPPED,
  A_OF_TWO_SWAPPED,
  A_TRANSPOSED,
  A_OF_ONE_TRANSPOSED,
  SMALLEST_DROPPED,
  LAST_DROPPED;

  /// Whether it is in all pairs, or most of them.
  boolean isOfAll() {
    return switch (this) {
      case SCALE_DOUBLED, SCALE_HALVED, SIGN_FLIPPED, LAYERS_SWAPPED, A_TRANSPOSED -> true;
      case A_OF_TWO_SWAPPED, A_OF_ONE_TRANSPOSED, SMALLEST_DROPPED, LAST_DROPPED -> false;
    };
  }

  /// The wrong adapter; none where this defect changes nothing in it.
  Optional<LoraAdapter> of(LoraAdapter right) {
    List<LoraPair> pairs = right.pairs();
    boolean vectors = pairs.stream().allMatch(pair -> pair.rank() == 1);
    return switch (this) {
      case SCALE_DOUBLED ->
          Optional.of(new LoraAdapter(right.architecture(), 2 * right.alpha(), pairs));
      case SCALE_HALVED ->
          Optional.of(new LoraAdapter(right.architecture(), right.alpha() / 2, pairs));
      case SIGN_FLIPPED -> with(right, pairs.stream().map(AdapterDefect::negated).toList());
      case LAYERS_SWAPPED -> with(right, layersSwapped(pairs));
      case A_OF_TWO_SWAPPED -> with(right, firstTwoOfSameInputsSwapped(pairs));
      case A_TRANSPOSED ->
          vectors
              ? Optional.empty()
              : with(right, pairs.stream().map(AdapterDefect::transposed).toList());
      case A_OF_ONE_TRANSPOSED ->
          vectors
              ? Optional.empty()
              : with(
                  right,
                  replaced(pairs, pairs.size() / 2, transposed(pairs.get(pairs.size() / 2))));
      case SMALLEST_DROPPED ->
          with(
              right,
              without(
                  pairs,
                  pairs.stream()
                      .min(Comparator.comparingDouble(AdapterDefect::size))
                      .orElseThrow()));
      case LAST_DROPPED -> with(right, without(pairs, pairs.getLast()));
    };
  }

  private static Optional<LoraAdapter> with(LoraAdapter right, List<LoraPair> pairs) {
    return Optional.of(new LoraAdapter(right.architecture(), right.alpha(), pairs));
  }

  private static LoraPair with(LoraPair pair, float[] a, float[] b) {
    return new LoraPair(
        pair.baseTensor(), pair.inputs(), pair.outputs(), pair.rank(), pair.experts(), a, b);
  }

  private static LoraPair negated(LoraPair pair) {
    float[] b = pair.b().clone();
    for (int i = 0; i < b.length; i++) {
      b[i] = -b[i];
    }
    return with(pair, pair.a(), b);
  }

  /// A's numbers in the order of its transposed, in the shape that it had.
  private static LoraPair transposed(LoraPair pair) {
    int size = pair.rank() * pair.inputs();
    float[] a = new float[pair.a().length];
    for (int i = 0; i < a.length; i++) {
      int inExpert = i % size;
      int to = inExpert % pair.inputs() * pair.rank() + inExpert / pair.inputs();
      a[i - inExpert + to] = pair.a()[i];
    }
    return with(pair, a, pair.b());
  }

  /// The first two layers' pairs on each other's weights.
  private static List<LoraPair> layersSwapped(List<LoraPair> pairs) {
    Map<String, LoraPair> byName = new LinkedHashMap<>();
    pairs.forEach(pair -> byName.put(pair.baseTensor(), pair));
    return pairs.stream()
        .map(
            pair -> {
              String name = pair.baseTensor();
              String other =
                  name.startsWith("blk.0.")
                      ? name.replace("blk.0.", "blk.1.")
                      : name.replace("blk.1.", "blk.0.");
              LoraPair from = byName.get(other);
              return with(pair, from.a(), from.b());
            })
        .toList();
  }

  private static List<LoraPair> firstTwoOfSameInputsSwapped(List<LoraPair> pairs) {
    LoraPair first = pairs.getFirst();
    int second =
        IntStream.range(1, pairs.size())
            .filter(i -> pairs.get(i).inputs() == first.inputs())
            .filter(i -> pairs.get(i).a().length == first.a().length)
            .findFirst()
            .orElseThrow();
    LoraPair other = pairs.get(second);
    return replaced(
        replaced(pairs, 0, with(first, other.a(), first.b())),
        second,
        with(other, first.a(), other.b()));
  }

  private static List<LoraPair> replaced(List<LoraPair> pairs, int index, LoraPair by) {
    List<LoraPair> changed = new ArrayList<>(pairs);
    changed.set(index, by);
    return changed;
  }

  private static List<LoraPair> without(List<LoraPair> pairs, LoraPair dropped) {
    return pairs.stream().filter(pair -> pair != dropped).toList();
  }

  /// About |B A|.
  private static double size(LoraPair pair) {
    return norm(pair.a()) * norm(pair.b());
  }

  private static double norm(float[] values) {
    return Math.sqrt(
        IntStream.range(0, values.length).mapToDouble(i -> values[i]).map(v -> v * v).sum());
  }
}

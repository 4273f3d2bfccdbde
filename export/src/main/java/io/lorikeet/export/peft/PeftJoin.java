package io.lorikeet.export.peft;

import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufTensor;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// Makes the pair of a base's tensor of those of PEFT's modules in it: one for most tensors,
/// several where the base has modules side by side or a mixture's experts.
final class PeftJoin {

  private PeftJoin() {}

  /// A module's pair.
  ///
  /// @param scaling factor of B A
  /// @param a `[rank, inputs]`, row by row, as PEFT has it
  /// @param b `[outputs, rank]`, row by row, as PEFT has it
  record ModulePair(PeftPlace place, int rank, double scaling, float[] a, float[] b) {

    /// Without the ranks that add nothing to the rows of this place: an export has several tensors'
    /// pairs side by side in one module, and so each tensor gets its own back. Empty where all that
    /// the module adds is elsewhere.
    Optional<ModulePair> ofPlace() {
      int[] busy = IntStream.range(0, rank).filter(this::isBusy).toArray();
      if (busy.length == 0) {
        boolean elsewhere = IntStream.range(0, b.length).anyMatch(i -> b[i] != 0);
        return elsewhere ? Optional.empty() : Optional.of(this);
      }
      int columns = place.columns();
      float[] busyA = new float[busy.length * columns];
      float[] busyB = new float[place.rows() * busy.length];
      for (int k = 0; k < busy.length; k++) {
        System.arraycopy(a, busy[k] * columns, busyA, k * columns, columns);
        for (int row = 0; row < place.rows(); row++) {
          busyB[row * busy.length + k] = b[row * rank + busy[k]];
        }
      }
      return Optional.of(new ModulePair(place, busy.length, scaling, busyA, busyB));
    }

    private boolean isBusy(int k) {
      return IntStream.range(0, place.rows())
          .anyMatch(row -> place.rowInFile(row) >= 0 && b[row * rank + k] != 0);
    }
  }

  /// A tensor's pair.
  ///
  /// @param alpha the number that llama.cpp divides by the pair's rank to get its scale
  /// @param exact whether A, B and their scale are PEFT's own, so that training on takes the steps
  ///     that PEFT would take
  record Joined(LoraPair pair, double alpha, boolean exact) {

    /// The same with another alpha, and B multiplied to keep ΔW.
    Joined withAlpha(float other) {
      if ((float) alpha == other) {
        return this;
      }
      float[] b = pair.b().clone();
      float factor = (float) (alpha / other);
      for (int i = 0; i < b.length; i++) {
        b[i] *= factor;
      }
      LoraPair scaled =
          new LoraPair(
              pair.baseTensor(),
              pair.inputs(),
              pair.outputs(),
              pair.rank(),
              pair.experts(),
              pair.a(),
              b);
      return new Joined(scaled, other, false);
    }
  }

  /// Joins the parts of a tensor, of which some may be missing: nothing is added there.
  ///
  /// @param parts in the tensor's order
  static Joined join(GgufTensor tensor, List<ModulePair> parts) {
    PeftPlace first = parts.getFirst().place();
    if (first.isEmbedding()) {
      return embedding(parts.getFirst());
    }
    int inputs = Math.toIntExact(tensor.shape().getFirst());
    int outputs = Math.toIntExact(tensor.shape().get(1));
    return tensor.shape().size() == 3
        ? experts(tensor.name(), inputs, outputs, Math.toIntExact(tensor.shape().get(2)), parts)
        : sideBySide(tensor.name(), inputs, outputs, parts);
  }

  /// PEFT has A of embeddings as `[rank, vocabulary]`; in GGUF each token has a row of it.
  private static Joined embedding(ModulePair part) {
    int tokens = part.place().rows();
    int rank = part.rank();
    float[] a = new float[part.a().length];
    for (int token = 0; token < tokens; token++) {
      for (int k = 0; k < rank; k++) {
        a[token * rank + k] = part.a()[k * tokens + token];
      }
    }
    LoraPair pair =
        new LoraPair(part.place().tensor(), tokens, part.place().columns(), rank, a, part.b());
    return new Joined(pair, part.scaling() * rank, true);
  }

  /// Joins modules whose outputs follow each other. Where all have the same A, they become one pair
  /// of their rank, so that a pair that was taken apart is restored. Else their ranks are put side
  /// by side.
  private static Joined sideBySide(String name, int inputs, int outputs, List<ModulePair> parts) {
    ModulePair first = parts.getFirst();
    boolean shared =
        parts.stream()
            .allMatch(part -> part.rank() == first.rank() && Arrays.equals(part.a(), first.a()));
    int rank = shared ? first.rank() : parts.stream().mapToInt(ModulePair::rank).sum();
    float[] a = new float[Math.multiplyExact(rank, inputs)];
    float[] b = new float[Math.multiplyExact(outputs, rank)];
    int column = 0;
    for (ModulePair part : parts) {
      putA(part, a, column * inputs);
      putB(part, factor(part, first), b, 0, rank, column);
      column += shared ? 0 : part.rank();
    }
    return new Joined(
        new LoraPair(name, inputs, outputs, rank, a, b),
        first.scaling() * rank,
        shared && sameScale(parts) && parts.stream().noneMatch(part -> part.place().isPart()));
  }

  /// One pair for each expert, of the highest rank among them; the others are filled up with zeros.
  private static Joined experts(
      String name, int inputs, int outputs, int experts, List<ModulePair> parts) {
    ModulePair first = parts.getFirst();
    int rank = parts.stream().mapToInt(ModulePair::rank).max().orElseThrow();
    float[] a = new float[Math.multiplyExact(Math.multiplyExact(rank, inputs), experts)];
    float[] b = new float[Math.multiplyExact(Math.multiplyExact(outputs, rank), experts)];
    for (ModulePair part : parts) {
      int expert = part.place().expert();
      putA(part, a, expert * rank * inputs);
      putB(part, factor(part, first), b, expert * outputs, rank, 0);
    }
    return new Joined(
        new LoraPair(name, inputs, outputs, rank, experts, a, b),
        first.scaling() * rank,
        parts.stream().allMatch(part -> part.rank() == rank) && sameScale(parts));
  }

  private static boolean sameScale(List<ModulePair> parts) {
    return parts.stream().allMatch(part -> factor(part, parts.getFirst()) == 1);
  }

  private static double factor(ModulePair part, ModulePair first) {
    return part.scaling() == first.scaling() ? 1 : part.scaling() / first.scaling();
  }

  private static void putA(ModulePair part, float[] a, int from) {
    int columns = part.place().columns();
    for (int k = 0; k < part.rank(); k++) {
      for (int column = 0; column < columns; column++) {
        a[from + k * columns + part.place().columnInFile(column)] = part.a()[k * columns + column];
      }
    }
  }

  private static void putB(
      ModulePair part, double factor, float[] b, int firstRow, int rank, int column) {
    for (int row = 0; row < part.place().rows(); row++) {
      int inFile = part.place().rowInFile(row);
      for (int k = 0; inFile >= 0 && k < part.rank(); k++) {
        b[(firstRow + inFile) * rank + column + k] =
            (float) (factor * part.b()[row * part.rank() + k]);
      }
    }
  }
}

package io.lorikeet.export.peft;

import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Computes rows of a weight as PEFT does: its own or those that replace it, plus scaling · B A.
/// With magnitudes m (DoRA, arXiv 2402.09353) they are m · (W + scaling · B A) / ‖W + scaling · B
/// A‖, where the norm is that of the row.
final class PeftRows {
  private final SafetensorsFile file;
  private final List<Change> changes;
  private final int[] changeOfRow;
  private final int[] rowInModule;

  /// The changes of a module.
  ///
  /// @param whole weights that replace the base's
  /// @param magnitudes one for each row
  record Change(
      PeftPlace place,
      Optional<SafetensorsTensor> whole,
      Optional<PeftJoin.ModulePair> part,
      Optional<float[]> magnitudes) {

    /// Whether a pair is all there is.
    boolean isPair() {
      return whole.isEmpty() && magnitudes.isEmpty();
    }
  }

  /// @param file where the whole weights are
  PeftRows(SafetensorsFile file, GgufTensor tensor, List<Change> changes) {
    this.file = file;
    this.changes = changes;
    int rows = Math.toIntExact(tensor.elements() / tensor.shape().getFirst());
    int rowsOfExpert = tensor.shape().size() < 2 ? 1 : Math.toIntExact(tensor.shape().get(1));
    changeOfRow = new int[rows];
    rowInModule = new int[rows];
    Arrays.fill(changeOfRow, -1);
    for (int i = 0; i < changes.size(); i++) {
      PeftPlace place = changes.get(i).place();
      for (int row = 0; row < place.rows(); row++) {
        int inFile = place.rowInFile(row);
        if (inFile >= 0) {
          changeOfRow[place.expert() * rowsOfExpert + inFile] = i;
          rowInModule[place.expert() * rowsOfExpert + inFile] = row;
        }
      }
    }
  }

  /// Whether a row of the tensor doesn't stay as it is.
  boolean changes(int row) {
    return changeOfRow[row] >= 0;
  }

  /// Changes a row that [#changes].
  void change(int row, float[] weights) {
    Change change = changes.get(changeOfRow[row]);
    int inModule = rowInModule[row];
    change.whole().ifPresent(whole -> read(whole, change.place(), inModule, weights));
    double[] sum = new double[weights.length];
    for (int i = 0; i < sum.length; i++) {
      sum[i] = weights[i];
    }
    change.part().ifPresent(part -> add(part, inModule, sum));
    double factor =
        change.magnitudes().map(each -> each[inModule] / Math.max(norm(sum), 1e-30)).orElse(1.0);
    for (int i = 0; i < sum.length; i++) {
      weights[i] = (float) (factor * sum[i]);
    }
  }

  private void read(SafetensorsTensor whole, PeftPlace place, int row, float[] weights) {
    float[] stored = new float[weights.length];
    whole.type().readFloats(file.data(whole), (long) row * stored.length, stored);
    for (int i = 0; i < stored.length; i++) {
      weights[place.columnInFile(i)] = stored[i];
    }
  }

  private static void add(PeftJoin.ModulePair part, int row, double[] sum) {
    int rank = part.rank();
    boolean embedding = part.place().isEmbedding();
    int tokens = part.place().rows();
    for (int k = 0; k < rank; k++) {
      double factor =
          part.scaling() * (embedding ? part.a()[k * tokens + row] : part.b()[row * rank + k]);
      for (int i = 0; i < sum.length; i++) {
        int column = part.place().columnInFile(i);
        sum[column] += factor * (embedding ? part.b()[i * rank + k] : part.a()[k * sum.length + i]);
      }
    }
  }

  private static double norm(double[] values) {
    double squares = 0;
    for (double value : values) {
      squares += value * value;
    }
    return Math.sqrt(squares);
  }
}

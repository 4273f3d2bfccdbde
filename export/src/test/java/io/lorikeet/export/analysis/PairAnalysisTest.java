package io.lorikeet.export.analysis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.Dequantized;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.NormOps_DDRM;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PairAnalysisTest {
  @TempDir private Path folder;

  /// A weight that stretches input 2 into output 5 by 8, input 0 into output 1 by 4, and others by
  /// little; rows in the file are outputs, of the token embedding inputs.
  private GgufFile base(String name, boolean rowsAreInputs) throws IOException {
    int inputs = 40;
    int outputs = 90;
    float[] weight = new float[inputs * outputs];
    for (int i = 0; i < inputs; i++) {
      weight[rowsAreInputs ? i * outputs + i + 10 : (i + 10) * inputs + i] = 0.1f;
    }
    weight[rowsAreInputs ? 2 * outputs + 5 : 5 * inputs + 2] = 8;
    weight[rowsAreInputs ? 1 : inputs] = 4;
    long[] shape = rowsAreInputs ? new long[] {outputs, inputs} : new long[] {inputs, outputs};
    Path file = folder.resolve("weight.gguf");
    new GgufWriter().addTensor(name, shape, weight).write(file);
    return GgufFile.open(file);
  }

  /// ΔW that turns one input into one output.
  private static LoraPair one(String name, int input, int output, float size) {
    float[] a = new float[40];
    float[] b = new float[90];
    a[input] = size;
    b[output] = 1;
    return new LoraPair(name, 40, 90, 1, a, b);
  }

  @ParameterizedTest
  @ValueSource(strings = {"blk.0.ffn_up.weight", "token_embd.weight"})
  void seesWhatTheBaseDoesInTheSameDirections(String name) throws IOException {
    try (GgufFile base = base(name, name.equals("token_embd.weight"))) {
      PairAnalysis same = PairAnalysis.of(one(name, 2, 5, 3), 2, base);
      PairAnalysis.AgainstBase against = same.againstBase().orElseThrow();
      assertEquals(6, same.norm(), 1e-6);
      assertEquals(1, same.effectiveRank(), 1e-9);
      assertEquals(6 / Math.sqrt(64 + 16 + 40 * 0.01), against.relativeNorm(), 1e-6);
      assertEquals(6.0 / 8, against.amplification(), 1e-6);
      assertEquals(1, against.inputOverlap(), 1e-3);
      assertEquals(1, against.outputOverlap(), 1e-3);
      assertEquals(1.0 / 40, against.inputOverlapByChance());

      PairAnalysis other = PairAnalysis.of(one(name, 7, 17, 3), 1, base);
      assertEquals(30, other.againstBase().orElseThrow().amplification(), 1e-4);
      assertEquals(0, other.againstBase().orElseThrow().inputOverlap(), 1e-6);

      // The input of the base's strongest direction, but another output.
      PairAnalysis mixed = PairAnalysis.of(one(name, 2, 60, 3), 1, base);
      assertEquals(1, mixed.againstBase().orElseThrow().inputOverlap(), 1e-3);
      assertEquals(0, mixed.againstBase().orElseThrow().outputOverlap(), 1e-3);
    }
  }

  @Test
  void agreesWithAWholeDecompositionOfAQuantizedWeight() throws IOException {
    Path file = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    try (GgufFile base = GgufFile.open(file)) {
      LoraPair pair = RandomInputs.pairs(base, List.of("ffn_up"), 4, 3).getFirst();
      PairSvd svd = PairSvd.of(pair, 1);
      float[] values = Dequantized.floats(base, pair.baseTensor());
      DMatrixRMaj whole = new DMatrixRMaj(pair.outputs(), pair.inputs());
      for (int i = 0; i < values.length; i++) {
        whole.data[i] = values[i];
      }
      DMatrixRMaj projected =
          CommonOps_DDRM.multTransA(
              svd.left(), CommonOps_DDRM.mult(whole, svd.right(), null), null);
      SingularValueDecomposition_F64<DMatrixRMaj> full =
          DecompositionFactory_DDRM.svd(whole.numRows, whole.numCols, true, true, true);
      assertTrue(full.decompose(whole.copy()));
      DMatrixRMaj u = full.getU(null, false);
      DMatrixRMaj v = full.getV(null, false);
      SingularOps_DDRM.descendingOrder(
          u, false, full.getSingularValues(), full.numberOfSingularValues(), v, false);
      DMatrixRMaj top = CommonOps_DDRM.extract(v, 0, pair.inputs(), 0, 4);

      PairAnalysis.AgainstBase against = PairAnalysis.of(pair, 4, base).againstBase().orElseThrow();
      double norm = NormOps_DDRM.normF(projected);
      assertEquals(svd.norm() / norm, against.amplification(), 1e-6);
      // The sampled directions of a weight without dominating ones are close, not equal.
      assertEquals(PairAnalysis.overlap(top, svd.right()), against.inputOverlap(), 0.05);
    }
  }

  @Test
  void comparesAdapters() throws IOException {
    Path file = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    try (GgufFile base = GgufFile.open(file)) {
      List<String> roles = List.of("attn_q", "token_embd");
      LoraAdapter first = new LoraAdapter("llama", 4, RandomInputs.pairs(base, roles, 4, 3));
      LoraAdapter doubled = new LoraAdapter("llama", 8, first.pairs());
      LoraAdapter other =
          new LoraAdapter("llama", 2, RandomInputs.pairs(base, List.of("attn_q", "ffn_up"), 2, 4));
      for (PairDifference same : PairDifference.between(first, first)) {
        assertTrue(same.identical());
        assertEquals(0, same.differenceNorm());
        assertEquals(1, same.cosine(), 1e-9);
        assertEquals(1, same.inputOverlap(), 1e-9);
      }
      for (PairDifference scaled : PairDifference.between(first, doubled)) {
        assertEquals(1, scaled.cosine(), 1e-9);
        assertEquals(2 * scaled.firstNorm(), scaled.secondNorm(), 1e-9);
        assertEquals(scaled.firstNorm(), scaled.differenceNorm(), 1e-5);
      }
      List<PairDifference> differences = PairDifference.between(first, other);
      assertEquals(5, differences.size()); // two layers' q, the embedding, two layers' up
      for (PairDifference difference : differences) {
        assertEquals(naive(difference.weight(), first, other), difference.differenceNorm(), 1e-6);
      }
      LoraPair wrong = new LoraPair("token_embd.weight", 1, 1, 1, new float[1], new float[1]);
      assertThrows(
          InvalidInputException.class,
          () -> PairDifference.between(first, new LoraAdapter("llama", 1, List.of(wrong))));
    }
  }

  private static double naive(String weight, LoraAdapter first, LoraAdapter second) {
    double[][] difference = null;
    double sign = 1;
    for (LoraAdapter adapter : List.of(first, second)) {
      for (LoraPair pair : adapter.pairs()) {
        if (pair.baseTensor().equals(weight)) {
          double[][] product = PairSvdTest.product(pair, sign * adapter.alpha() / pair.rank());
          if (difference == null) {
            difference = product;
          } else {
            for (int o = 0; o < product.length; o++) {
              for (int i = 0; i < product[o].length; i++) {
                difference[o][i] += product[o][i];
              }
            }
          }
        }
      }
      sign = -1;
    }
    double sum = 0;
    for (double[] row : difference) {
      for (double value : row) {
        sum += value * value;
      }
    }
    return Math.sqrt(sum);
  }
}

package io.lorikeet.train.goal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelOptions;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.Pooling;
import io.lorikeet.models.architecture.SavedActivations;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.models.architecture.TextEmbedding;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.models.testing.ReferenceModel;
import io.lorikeet.models.testing.ReferencePair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.DataSet.Packing;
import io.lorikeet.train.data.Judgement;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.TokenizedExample;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Gradients of a whole model by the loss of its embeddings, against central differences of a loss
/// that is computed here in `double`, from the float64 reference's last hidden states.
@ExtendWith(LeakCheck.class)
class ContrastiveGradientTest {
  private static final List<String> ROLES =
      List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down");
  private static final int[] LENGTHS = {4, 7, 3, 5, 2, 6};
  private static final int LINES = 2;
  private static final int CONTEXT = 32;
  private static final double TEMPERATURE = 0.2;
  private static final double SCALING = 0.7;

  @TempDir private Path folder;

  /// Two lines of a query, its passage and a negative.
  private static MicroBatch batch() {
    Judgement[] parts = {Judgement.QUERY, Judgement.PASSAGE, Judgement.NEGATIVE};
    SplittableRandom random = new SplittableRandom(6);
    List<TokenizedExample> texts = new ArrayList<>();
    for (int i = 0; i < LENGTHS.length; i++) {
      float[] weights = new float[LENGTHS[i] + 1];
      weights[LENGTHS[i]] = 1;
      int[] tokens = random.ints(LENGTHS[i] + 1, 0, 400).toArray();
      texts.add(new TokenizedExample(tokens, weights, "f", 1 + i / 3, parts[i % 3], 0));
    }
    return DataSet.of(texts, CONTEXT, Packing.ROWS).longBatches(LINES).getFirst();
  }

  @ParameterizedTest
  @CsvSource({"LAST, 1", "MEAN, 1", "LAST, 2", "MEAN, 2"})
  void gradientsAreThoseOfTheReference(Pooling pooling, int passes) throws IOException {
    Path file = RandomModel.of(TensorType.Q8_0).write(folder.resolve("m.gguf"));
    MicroBatch batch = batch();
    try (GgufFile base = GgufFile.open(file)) {
      List<LoraPair> pairs = RandomInputs.pairs(base, ROLES, 3, 5);
      Reference reference = new Reference(base, batch.tokens(), pooling);
      List<ReferencePair> wide = pairs.stream().map(ReferencePair::of).toList();
      Computed computed = computed(base, pairs, batch, pooling, passes);
      for (double loss : computed.losses) {
        assertEquals(reference.loss(wide), loss, 1e-4);
      }
      SplittableRandom random = new SplittableRandom(2);
      for (int i = 0; i < wide.size(); i++) {
        ReferencePair gradient = computed.gradients.get(wide.get(i).baseTensor());
        ReferencePair along =
            new ReferencePair(
                gradient.baseTensor(),
                gradient.rank(),
                random.doubles(gradient.a().length, -1, 1).toArray(),
                random.doubles(gradient.b().length, -1, 1).toArray());
        double step = 1e-4;
        List<ReferencePair> up = new ArrayList<>(wide);
        up.set(i, wide.get(i).moved(along, step));
        List<ReferencePair> down = new ArrayList<>(wide);
        down.set(i, wide.get(i).moved(along, -step));
        double slope = (reference.loss(up) - reference.loss(down)) / (2 * step);
        double product = dot(gradient.a(), along.a()) + dot(gradient.b(), along.b());
        double size = Math.sqrt(dot(gradient.a(), gradient.a()) + dot(gradient.b(), gradient.b()));
        assertTrue(size > 1e-4, gradient.baseTensor());
        assertEquals(passes * slope, product, 1e-3 * size, gradient.baseTensor());
      }
    }
  }

  private static double dot(double[] one, double[] other) {
    double sum = 0;
    for (int i = 0; i < one.length; i++) {
      sum += one[i] * other[i];
    }
    return sum;
  }

  private record Computed(double[] losses, Map<String, ReferencePair> gradients) {}

  /// The same batch as often as there are passes, which take turns in each layer.
  private static Computed computed(
      GgufFile base, List<LoraPair> pairs, MicroBatch batch, Pooling pooling, int passes) {
    ModelConfig config = ModelConfig.of(base);
    GgufTensor norm = base.tensor("output_norm.weight").orElseThrow();
    ContrastiveGoal goal =
        new ContrastiveGoal(
            new TextEmbedding(
                RowDequantizer.floats(norm.type(), base.data(norm)), config.rmsEpsilon(), pooling),
            TEMPERATURE);
    LoraAdapter adapter = new LoraAdapter("llama", (float) (SCALING * 3), pairs);
    ModelOptions options =
        new ModelOptions(
            new PassShape(LINES, CONTEXT, 12, 20, 13),
            List.of(),
            Precision.F32,
            true,
            0,
            SavedInputs.DEVICE,
            SavedActivations.NONE,
            passes,
            false,
            0,
            false);
    try (Backend backend = Backend.open("cpu", 1);
        BaseWeights weights = BaseWeights.load(base, backend, (_, _) -> {});
        LoraParameters lora = LoraParameters.of(adapter, backend);
        TransformerModel model =
            new TransformerModel(base, config, weights, lora, backend, options)) {
      Goal.Round round = goal.begin(model, List.of(batch));
      TransformerModel.Pass pass =
          new TransformerModel.Pass(batch.tokens(), OptionalLong.empty(), round.objective(batch));
      model.addGradients(Collections.nCopies(passes, pass));
      double[] losses = model.takeLosses().losses().stream().mapToDouble(batch::loss).toArray();
      assertEquals(losses[0], batch.loss(round.losses(model, batch)), 1e-6);
      Map<String, ReferencePair> gradients = new HashMap<>();
      for (LoraSlot slot : lora.slots()) {
        List<float[]> matrices = LoraParameters.read(lora.gradients(), slot);
        gradients.put(
            slot.baseTensor(),
            new ReferencePair(
                slot.baseTensor(),
                slot.rank(),
                widened(matrices.getFirst()),
                widened(matrices.getLast())));
      }
      return new Computed(losses, gradients);
    }
  }

  private static double[] widened(float[] values) {
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }

  /// The loss in `double`.
  private static final class Reference {
    private final ReferenceModel model;
    private final TokenBatch batch;
    private final Pooling pooling;
    private final double[] norm;
    private final double epsilon;

    Reference(GgufFile base, TokenBatch batch, Pooling pooling) {
      this.batch = batch;
      this.pooling = pooling;
      model = ReferenceModel.of(base);
      GgufTensor weight = base.tensor("output_norm.weight").orElseThrow();
      norm = widened(RowDequantizer.floats(weight.type(), base.data(weight)));
      epsilon = ModelConfig.of(base).rmsEpsilon();
    }

    double loss(List<ReferencePair> pairs) {
      ReferenceModel.Result result =
          model.runWide(
              batch,
              pairs,
              SCALING,
              logits -> {
                Arrays.fill(logits, 0);
                return 0;
              });
      double[] last = result.hidden()[result.hidden().length - 1];
      double[][] embeddings = new double[LENGTHS.length][];
      for (int line = 0, text = 0; line < LINES; line++) {
        int first = line * CONTEXT;
        for (int i = 0; i < 3; i++, text++) {
          embeddings[text] = embedding(last, first, first += LENGTHS[text]);
        }
      }
      double sum = 0;
      for (int query = 0; query < embeddings.length; query += 3) {
        double all = 0;
        for (int other = 0; other < embeddings.length; other++) {
          all += other % 3 == 0 ? 0 : similar(embeddings[query], embeddings[other]);
        }
        sum -= Math.log(similar(embeddings[query], embeddings[query + 1]) / all);
      }
      return sum;
    }

    private static double similar(double[] one, double[] other) {
      double lengths = Math.sqrt(dot(one, one) * dot(other, other));
      return Math.exp(dot(one, other) / lengths / TEMPERATURE);
    }

    private double[] embedding(double[] states, int first, int end) {
      double[] sum = new double[norm.length];
      for (int place = pooling == Pooling.LAST ? end - 1 : first; place < end; place++) {
        double[] state = Arrays.copyOfRange(states, place * norm.length, (place + 1) * norm.length);
        double mean = DoubleStream.of(state).map(x -> x * x).average().orElseThrow();
        for (int i = 0; i < norm.length; i++) {
          sum[i] += norm[i] * state[i] / Math.sqrt(mean + epsilon);
        }
      }
      return sum;
    }
  }
}

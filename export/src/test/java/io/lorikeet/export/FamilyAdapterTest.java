package io.lorikeet.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.export.Verification.Verdict;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.FamilyCase;
import io.lorikeet.models.architecture.ModelOptions;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// An adapter of every linear layer, trained for a few steps on a base of each family in Q4_0, acts
/// in llama.cpp as in the trainer.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class FamilyAdapterTest {
  private static final int CONTEXT = 32;

  /// Steps are taken until the loss has fallen by this, in nats per token.
  private static final double FALL = 0.75;

  private static final int MOST_STEPS = 40;

  /// The least fall of llama.cpp's loss, in nats per token.
  private static final double LEAST_EFFECT = 0.5;

  private static final double LENGTH_OF_STEP = 0.5;

  @TempDir private Path folder;

  private static Stream<FamilyCase> cases() {
    return FamilyCase.all();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void trainedAdapterVerifies(FamilyCase family) throws IOException {
    Path base = family.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    Path file = folder.resolve("adapter.gguf");
    LoraAdapter adapter;
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraAdapter trained = train(gguf);
      AdapterExporter.write(trained, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), file);
      adapter = AdapterFile.read(file, gguf).adapter();
    }
    List<int[]> sequences =
        List.of(
            RandomInputs.plainBatch(RandomFamily.VOCABULARY, CONTEXT, 1).tokens(),
            RandomInputs.plainBatch(RandomFamily.VOCABULARY, CONTEXT, 2).tokens());
    Verification verification =
        new AdapterVerifier("cpu", 1, Precision.LLAMA).verify(base, file, adapter, sequences);
    assertEquals(Verdict.PASSED, verification.verdict(), verification::toString);
    assertTrue(loss(base, Optional.empty()) - loss(base, Optional.of(file)) > LEAST_EFFECT);
  }

  /// llama.cpp's loss on the sequence that was trained, in nats per token.
  private static double loss(Path base, Optional<Path> adapter) {
    int[] tokens = RandomInputs.plainBatch(RandomFamily.VOCABULARY, CONTEXT, 1).tokens();
    float[] weights = new float[CONTEXT];
    Arrays.fill(weights, 1, CONTEXT, 1);
    TextLoss loss = new TextLoss();
    try (LlamaModel model = LlamaModel.load(base, LlamaModel.Options.CPU);
        LlamaContext context = LlamaContext.create(model, CONTEXT, CONTEXT, 1)) {
      Optional<LlamaAdapter> loaded = adapter.map(file -> LlamaAdapter.load(model, file));
      loss.add(new LlamaLogits(context, loaded), tokens, weights);
    }
    return loss.mean();
  }

  /// Follows the gradient, and checks that the loss falls.
  private static LoraAdapter train(GgufFile base) {
    ModelConfig config = ModelConfig.of(base);
    LoraSettings settings = new LoraSettings(4, 2, 8, false, 0, List.of("all-linear"), 3);
    PassShape shape = new PassShape(1, CONTEXT, 16, 20, 16);
    TokenBatch batch = RandomInputs.plainBatch(RandomFamily.VOCABULARY, CONTEXT, 1);
    try (Backend backend = Backend.open("cpu", 1);
        BaseWeights weights = BaseWeights.load(base, backend, (_, _) -> {});
        LoraParameters lora = LoraParameters.create(base, config, settings, backend);
        TransformerModel model =
            new TransformerModel(
                base,
                config,
                weights,
                lora,
                backend,
                new ModelOptions(shape, Precision.AUTO, true, 0))) {
      double before = model.loss(batch);
      for (int step = 0; step < MOST_STEPS; step++) {
        lora.gradients().clear();
        double loss = model.lossAndGradients(batch, step);
        if (loss < before - CONTEXT * FALL) {
          return lora.toAdapter();
        }
        descend(lora);
      }
      throw new AssertionError(before + " became only " + model.loss(batch));
    }
  }

  private static void descend(LoraParameters lora) {
    float[] values = lora.values().downloadFloats();
    float[] gradient = lora.gradients().downloadFloats();
    double square = 0;
    for (float g : gradient) {
      square += (double) g * g;
    }
    for (int i = 0; i < values.length; i++) {
      values[i] -= (float) (LENGTH_OF_STEP * gradient[i] / Math.sqrt(square));
    }
    lora.values().upload(values);
  }
}

package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelOptions;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.DataSet.Packing;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.TokenizedExample;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Turns of chats that share what they begin with come to the loss and the gradients that they come
/// to in rows of their own.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class SharedBeginningsTest {
  private static final int CONTEXT = 64;
  private static final int CHATS = 6;

  @TempDir private Path folder;

  @Test
  void lossAndGradientsAreThoseOfSeparateRows() throws IOException {
    assertSame(RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf")), 400);
  }

  /// Norms of queries and keys, tied embeddings, capped scores, experts; and a window that no row
  /// is longer than.
  @ParameterizedTest
  @ValueSource(strings = {"qwen2", "qwen3", "gemma2", "gemma3", "glm4", "qwen3moe"})
  void ofEveryKindOfFamily(String architecture) throws IOException {
    RandomFamily family = new RandomFamily(architecture, TensorType.F32);
    switch (architecture) {
      case "qwen3" -> family.put("attention.key_length", 32).put("attention.value_length", 32);
      case "gemma2" ->
          family.tied().put("attention.sliding_window", CONTEXT).put("attn_logit_softcapping", 3f);
      case "gemma3" -> family.tied();
      case "glm4" -> family.put("rope.dimension_count", 8);
      case "qwen3moe" ->
          family
              .put("expert_count", 4)
              .put("expert_used_count", 2)
              .put("expert_feed_forward_length", 96);
      default -> {}
    }
    assertSame(family.write(folder.resolve("base.gguf")), RandomFamily.VOCABULARY);
  }

  @Test
  void aWindowWithinTheContextRefusesThem() throws IOException {
    Path base =
        new RandomFamily("gemma3", TensorType.F32)
            .tied()
            .put("attention.sliding_window", CONTEXT / 2)
            .put("attention.sliding_window_pattern", 2)
            .write(folder.resolve("base.gguf"));
    List<TokenizedExample> chats = chats(RandomFamily.VOCABULARY, 1);
    run(base, chats, Packing.ROWS);
    assertThrows(
        IllegalArgumentException.class, () -> run(base, chats, Packing.ROWS_AND_BEGINNINGS));
  }

  /// Of an activated adapter, which acts from another token on in each turn.
  @Test
  void withAnActivatedAdapter() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    List<TokenizedExample> chats =
        chats(400, 1).stream().map(SharedBeginningsTest::activated).toList();
    assertSame(base, 400, chats, 0.85); // a turn's own end was computed with the adapter
    double always = run(base, chats(400, 1), Packing.NONE).loss();
    double ratio = run(base, chats, Packing.NONE).loss() / always;
    assertTrue(Math.abs(ratio - 1) > 1e-4, "ratio of the losses " + ratio);
  }

  private static TokenizedExample activated(TokenizedExample example) {
    return new TokenizedExample(
        example.tokens(),
        example.weights(),
        example.source(),
        example.line(),
        example.judgement(),
        example.promptLength() - 4);
  }

  private static void assertSame(Path base, int vocabulary) throws IOException {
    assertSame(base, vocabulary, chats(vocabulary, 1), 0.6);
  }

  /// @param most share of the places of separate rows
  private static void assertSame(
      Path base, int vocabulary, List<TokenizedExample> chats, double most) throws IOException {
    Outcome apart = run(base, chats, Packing.NONE);
    Outcome shared = run(base, chats, Packing.ROWS_AND_BEGINNINGS);
    assertTrue(shared.places < most * apart.places, shared.places + " of " + apart.places);
    assertEquals(apart.targets, shared.targets);
    assertEquals(apart.losses.keySet(), shared.losses.keySet());
    apart.losses.forEach(
        (example, loss) -> assertEquals(1, shared.losses.get(example) / loss, 1e-5));
    double difference = 0;
    double size = 0;
    for (int i = 0; i < apart.gradients.length; i++) {
      difference += Math.pow((double) shared.gradients[i] - apart.gradients[i], 2);
      size += Math.pow(apart.gradients[i], 2);
    }
    assertTrue(size > 0);
    assertTrue(Math.sqrt(difference / size) < 1e-5, "differ by " + Math.sqrt(difference / size));
    // Were the examples others, these figures would be, too.
    Outcome others = run(base, chats(vocabulary, 2), Packing.NONE);
    assertTrue(Math.abs(others.loss() / apart.loss() - 1) > 1e-4);
  }

  /// Each chat is some turns, each of which goes on from a part of what the turn before began with,
  /// some of them with another word that is learned in both.
  private static List<TokenizedExample> chats(int vocabulary, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<TokenizedExample> examples = new ArrayList<>();
    for (int line = 1; line <= CHATS; line++) {
      int[] tokens = random.ints(20, 3, vocabulary).toArray();
      for (int turn = 0; turn < 4; turn++) {
        int kept = tokens.length - random.nextInt(4);
        int length = Math.min(CONTEXT + 1, kept + 6 + random.nextInt(8));
        int[] next = Arrays.copyOf(tokens, length);
        for (int i = kept; i < length; i++) {
          next[i] = random.nextInt(3, vocabulary);
        }
        examples.add(new TokenizedExample(next, kept - random.nextInt(3), "f", line));
        tokens = next;
      }
    }
    return examples;
  }

  /// @param losses of each example, by its tokens
  private record Outcome(
      Map<List<Integer>, Double> losses, double targets, int places, float[] gradients) {
    double loss() {
      return losses.values().stream().mapToDouble(Double::doubleValue).sum();
    }
  }

  private static Outcome run(Path path, List<TokenizedExample> examples, Packing packing)
      throws IOException {
    boolean activated = examples.getFirst().adaptedFrom() > 0;
    LoraSettings settings =
        new LoraSettings(4, 8, false, 0, List.of("all-linear"), 3)
            .activatedBy(activated ? Optional.of(new Invocation(List.of(1))) : Optional.empty());
    try (GgufFile file = GgufFile.open(path);
        Backend backend = Backend.open("cpu", 1);
        BaseWeights weights = BaseWeights.load(file, backend, (_, _) -> {});
        LoraParameters lora =
            LoraParameters.create(file, ModelConfig.of(file), settings, backend)) {
      // B is 0 at first, and with it the gradients of A.
      float[] values = lora.values().downloadFloats();
      SplittableRandom random = new SplittableRandom(5);
      for (int i = 0; i < values.length; i++) {
        values[i] += 0.1f * (float) random.nextGaussian();
      }
      lora.values().upload(values);
      ModelConfig config = ModelConfig.of(file);
      ModelOptions options =
          new ModelOptions(new PassShape(2, CONTEXT, 16, 48, 40), Precision.F32, true, 0);
      try (TransformerModel model =
          new TransformerModel(file, config, weights, lora, backend, options)) {
        Map<List<Integer>, Double> losses = new HashMap<>();
        double targets = 0;
        int places = 0;
        for (MicroBatch batch : DataSet.of(examples, CONTEXT, packing).batches(2)) {
          double sum = model.lossAndGradients(batch.tokens(), 0);
          double[] ofExamples = batch.exampleLosses(model.losses(batch.tokens()));
          assertEquals(1, DoubleStream.of(ofExamples).sum() / sum, 1e-6);
          List<TokenizedExample> inBatch =
              batch.rows().stream().flatMap(row -> row.examples().stream()).toList();
          for (int i = 0; i < ofExamples.length; i++) {
            int[] tokens = inBatch.get(i).tokens();
            losses.put(IntStream.of(tokens).boxed().toList(), ofExamples[i]);
          }
          targets += batch.tokens().targetCount();
          places += batch.usedPlaces();
        }
        return new Outcome(losses, targets, places, lora.gradients().downloadFloats());
      }
    }
  }
}

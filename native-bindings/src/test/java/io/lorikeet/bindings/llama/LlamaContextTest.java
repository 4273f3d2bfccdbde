package io.lorikeet.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.LeakCheck;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class LlamaContextTest {
  private static final int WIDTH = TinyModel.WIDTH;
  private static final int VOCABULARY = TinyModel.VOCABULARY;

  @TempDir Path folder;

  @Test
  void logitsDoNotDependOnTheBatch() throws IOException {
    int[] tokens = new SplittableRandom(1).ints(50, 0, VOCABULARY).toArray();
    try (LlamaModel model = tinyModel();
        LlamaContext whole = LlamaContext.create(model, 64, 64, 1);
        LlamaContext parts = LlamaContext.create(model, 64, 7, 1)) {
      float[][] expected = logits(whole, tokens);
      assertArrayEquals(expected, logits(whole, tokens), "not the same twice");
      float[][] inParts = logits(parts, tokens);
      parts.clear();
      for (int i = 0; i < tokens.length; i++) {
        assertArrayEquals(expected[i], inParts[i], 1e-5f);
        parts.decode(tokens[i]);
        assertArrayEquals(expected[i], parts.logits(), 1e-5f);
        assertEquals(i + 1, parts.length());
      }
      parts.clear();
      parts.decode(tokens);
      assertArrayEquals(expected[tokens.length - 1], parts.logits(), 1e-5f);
    }
  }

  @Test
  void whatDoesNotFitIsRefused() throws IOException {
    try (LlamaModel model = tinyModel();
        LlamaContext context = LlamaContext.create(model, 8, 512, 1);
        LlamaSampler sampler = LlamaSampler.create(0, 1)) {
      assertThrows(IllegalStateException.class, context::logits);
      assertThrows(IllegalStateException.class, () -> sampler.sample(context));
      assertThrows(IllegalArgumentException.class, () -> context.decode());
      assertThrows(IllegalArgumentException.class, () -> context.decode(-1));
      assertThrows(IllegalArgumentException.class, () -> context.decode(VOCABULARY));
      assertThrows(IllegalArgumentException.class, () -> context.decode(new int[9]));
      context.decode(new int[8]);
      assertThrows(IllegalArgumentException.class, () -> context.decode(1));
      assertThrows(IllegalArgumentException.class, () -> LlamaContext.create(model, 0, 1, 1));
      assertThrows(IllegalArgumentException.class, () -> LlamaContext.create(model, 8, 1, 513));
    }
    Path file = folder.resolve("model.gguf");
    try (LlamaModel words = LlamaModel.load(file, LlamaModel.Options.VOCABULARY)) {
      assertThrows(IllegalArgumentException.class, () -> LlamaContext.create(words, 8, 1, 1));
    }
  }

  @Test
  void aModelClosesWhatIsOpenOfIt() throws IOException {
    LlamaModel model = tinyModel();
    LlamaContext context = LlamaContext.create(model, 8, 8, 1);
    LlamaAdapter adapter = LlamaAdapter.load(model, adapter(UnaryOperator.identity()));
    context.setAdapters(adapter.scaledBy(1));
    model.close();
    assertThrows(IllegalStateException.class, () -> context.decode(1));
    assertThrows(IllegalStateException.class, model::layers);
    context.close();
    adapter.close();
  }

  @Test
  void anAdapterActsUntilItIsClosed() throws IOException {
    int[] tokens = {1, 5, 300};
    try (LlamaModel model = tinyModel();
        LlamaContext context = LlamaContext.create(model, 8, 8, 1)) {
      float[][] base = logits(context, tokens);
      try (LlamaAdapter adapter = LlamaAdapter.load(model, adapter(UnaryOperator.identity()))) {
        context.setAdapters(adapter.scaledBy(1));
        assertFalse(Arrays.deepEquals(base, logits(context, tokens)));
        context.setAdapters(adapter.scaledBy(0));
        assertArrayEquals(base[2], logits(context, tokens)[2], 1e-6f);
        context.setAdapters(adapter.scaledBy(2));
      }
      assertArrayEquals(base, logits(context, tokens));
    }
  }

  /// The first four end the process where libllama gets them.
  @Test
  void adaptersThatDoNotFitAreRefused() throws IOException {
    String name = "blk.0.attn_q.weight.lora_";
    assertAdapterRefused("alpha", file -> file.putUint32("adapter.lora.alpha", 4));
    assertAdapterRefused("architecture", file -> file.putUint32("general.architecture", 4));
    assertAdapterRefused(
        "rank 3",
        file ->
            file.addTensor(
                    "token_embd.weight.lora_a",
                    new long[] {2, VOCABULARY},
                    new float[2 * VOCABULARY])
                .addTensor(
                    "token_embd.weight.lora_b", new long[] {3, WIDTH}, new float[3 * WIDTH]));
    assertAdapterRefused(
        "not a matrix",
        file ->
            file.addTensor(
                "blk.1.attn_k.weight.lora_a", new long[] {WIDTH, 2, 2}, new float[4 * WIDTH]));
    assertAdapterRefused("arch mismatch", file -> file.putString("general.architecture", "gpt2"));
    assertAdapterRefused("general.type", file -> file.putString("general.type", "model"));
    assertAdapterRefused(
        "missing one",
        file ->
            file.addTensor(
                name.replace("0", "1") + "a", new long[] {WIDTH, 2}, new float[2 * WIDTH]));
    Path adapter = adapter(UnaryOperator.identity());
    Files.write(
        adapter, Arrays.copyOf(Files.readAllBytes(adapter), (int) Files.size(adapter) - 100));
    assertAdapterRefused("bounds", adapter);
    assertAdapterRefused("No such file", folder.resolve("nowhere.gguf"));
  }

  private void assertAdapterRefused(String words, UnaryOperator<NativeGguf> change)
      throws IOException {
    assertAdapterRefused(words, adapter(change));
  }

  private void assertAdapterRefused(String words, Path adapter) throws IOException {
    try (LlamaModel model = tinyModel()) {
      GgmlException refused =
          assertThrows(GgmlException.class, () -> LlamaAdapter.load(model, adapter));
      assertTrue(refused.getMessage().contains(words), refused.getMessage());
    }
  }

  @Test
  void sampling() throws IOException {
    try (LlamaModel model = tinyModel();
        LlamaContext context = LlamaContext.create(model, 8, 8, 1);
        LlamaSampler greedy = LlamaSampler.create(0, 1);
        LlamaSampler first = LlamaSampler.create(1, 7);
        LlamaSampler second = LlamaSampler.create(1, 7);
        LlamaSampler anySeed = LlamaSampler.create(1, 0xffffffffL);
        LlamaSampler sameSeed = LlamaSampler.create(1, 0xffffffffL)) {
      context.decode(1, 2, 3);
      float[] logits = context.logits();
      float most = logits[greedy.sample(context)];
      for (int i = 0; i < 50; i++) {
        int token = first.sample(context);
        assertEquals(token, second.sample(context));
        assertEquals(anySeed.sample(context), sameSeed.sample(context));
        assertTrue(logits[token] >= most + Math.log(0.05) - 1e-4, "too unlikely");
        assertTrue(logits[token] <= most);
      }
      assertThrows(IllegalArgumentException.class, () -> LlamaSampler.create(-1, 1));
      assertThrows(IllegalArgumentException.class, () -> LlamaSampler.create(Float.NaN, 1));
    }
  }

  @Test
  void aModelTellsWhatItIs() throws IOException {
    try (LlamaModel model = tinyModel()) {
      assertEquals(2, model.layers());
      assertEquals(WIDTH, model.embeddingLength());
      assertEquals(256, model.contextLength());
      assertEquals(Optional.of("llama"), model.metadata("general.architecture"));
      assertEquals(Optional.empty(), model.metadata("tokenizer.ggml.tokens"));
      assertEquals(Optional.empty(), model.vocabulary().chatTemplate());
      assertTrue(model.description().startsWith("llama"), model.description());
    }
  }

  @Test
  void filesThatAreNoModelAreRefused() throws IOException {
    Path page = Files.writeString(folder.resolve("page.gguf"), "<html>not found</html>");
    assertModelRefused("GGUF", page);
    assertModelRefused("No such file", folder.resolve("nowhere.gguf"));
    Path unknown = folder.resolve("unknown.gguf");
    new NativeGguf().putString("general.architecture", "tomorrow").write(unknown);
    assertModelRefused("unknown model architecture: 'tomorrow'", unknown);
  }

  private static void assertModelRefused(String words, Path file) {
    GgmlException refused =
        assertThrows(GgmlException.class, () -> LlamaModel.load(file, LlamaModel.Options.CPU));
    assertTrue(refused.getMessage().contains(words), refused.getMessage());
    assertTrue(refused.getMessage().contains(file.toString()), refused.getMessage());
  }

  private LlamaModel tinyModel() throws IOException {
    Path file = folder.resolve("model.gguf");
    if (Files.notExists(file)) {
      TinyModel.write(file);
    }
    return LlamaModel.load(file, LlamaModel.Options.CPU);
  }

  /// An adapter of rank 2 for one matrix, changed before it is written.
  private Path adapter(UnaryOperator<NativeGguf> change) throws IOException {
    float[] weights = new float[2 * WIDTH];
    Arrays.fill(weights, 0.2f);
    NativeGguf writer =
        new NativeGguf()
            .putString("general.type", "adapter")
            .putString("general.architecture", "llama")
            .putString("adapter.type", "lora")
            .putFloat32("adapter.lora.alpha", 4)
            .addTensor("blk.0.attn_q.weight.lora_a", new long[] {WIDTH, 2}, weights)
            .addTensor("blk.0.attn_q.weight.lora_b", new long[] {2, WIDTH}, weights);
    Path file = folder.resolve("adapter.gguf");
    change.apply(writer).write(file);
    return file;
  }

  private static float[][] logits(LlamaContext context, int[] tokens) {
    context.clear();
    float[][] all = new float[tokens.length][];
    context.forEachLogits(tokens, (i, row) -> all[i] = row.toArray(ValueLayout.JAVA_FLOAT));
    return all;
  }
}

package io.lorikeet.models.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.models.text.GreedyAnswers.Answer;
import io.lorikeet.models.text.TextGenerator.Generation;
import io.lorikeet.models.text.TextGenerator.Sampling;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Many prompts at once, against one after the other.
@ExtendWith(LeakCheck.class)
class GreedyAnswersTest {
  private static final int TOKENS = 12;

  @TempDir private Path folder;

  /// The model is F32, so its likeliest tokens are far enough apart for any kernel's rounding.
  @Test
  void answersAsOneAtATime() throws IOException {
    long seed = 11;
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    List<String> prompts = prompts(seed);
    List<Optional<Path>> adapters =
        List.of(
            Optional.empty(),
            Optional.of(adapter(base, Optional.empty())),
            Optional.of(adapter(base, Optional.of(activation(base, prompts)))));
    for (Optional<Path> used : adapters) {
      List<Generation> single = new ArrayList<>();
      List<int[]> tokens = new ArrayList<>();
      try (TextGenerator generator = TextGenerator.open(base, used, 256, 1)) {
        for (String prompt : prompts) {
          single.add(generator.generate(prompt, new Sampling(TOKENS, 0, 0), _ -> {}));
          tokens.add(generator.model().vocabulary().tokenize(prompt, true, true));
        }
      }
      List<Answer> together = answers(base, used, tokens, TOKENS);
      for (int i = 0; i < prompts.size(); i++) {
        String message = "seed " + seed + ", prompt " + prompts.get(i);
        assertEquals(single.get(i).text(), together.get(i).text(), message);
        assertEquals(single.get(i).tokens(), together.get(i).tokens(), message);
        assertEquals(single.get(i).stopped(), together.get(i).ended(), message);
      }
      assertEquals(together, answers(base, used, tokens, TOKENS), "not the same twice");
    }
  }

  /// A token in the middle of some prompt, which others lack.
  private static Invocation activation(Path base, List<String> prompts) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      List<int[]> tokens =
          prompts.stream().map(text -> tokenizer.encode(text, true, true)).toList();
      int[] one = tokens.get(3);
      Invocation invocation = new Invocation(List.of(one[one.length / 2]));
      long without =
          tokens.stream().filter(all -> invocation.firstAdapted(all) == Invocation.NEVER).count();
      assertTrue(without > 0 && without < tokens.size(), without + " without it");
      return invocation;
    }
  }

  /// Where the invocation moves, what was computed otherwise is computed again.
  @Test
  void anInvocationThatMoves() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    Path file = adapter(base, Optional.of(new Invocation(List.of(7, 8))));
    int[] first = {1, 20, 21, 7, 8, 22, 23};
    int[] longer = {1, 20, 21, 7, 8, 22, 23, 24, 7, 8, 25};
    try (LlamaModel model = ModelLoader.load(base, LlamaModel.Options.CPU);
        LlamaContext context = LlamaContext.create(model, 64, 4, 1);
        LlamaAdapter adapter = LlamaAdapter.load(model, file)) {
      assertEquals(List.of(7, 8), adapter.invocation().orElseThrow().tokens());
      context.setAdapters(adapter.scaledBy(1));
      context.activate(first);
      context.decode(first);
      context.activate(longer);
      assertEquals(2, context.length(), "the base's alone");
      context.decode(Arrays.copyOfRange(longer, 2, longer.length));
      float[] moved = context.logits();
      context.clear();
      context.decode(longer);
      assertArrayEquals(context.logits(), moved, 1e-4f);
      context.activate(new int[] {1, 2});
      assertEquals(7, context.length());
      context.clear();
      context.decode(longer);
      float[] never = context.logits();
      context.setAdapters();
      context.decode(longer);
      assertArrayEquals(context.logits(), never, 1e-4f);
      assertFalse(Arrays.equals(moved, never));
      context.setAdapters(adapter.scaledBy(1));
      LlamaAdapter.Scaled[] two = {adapter.scaledBy(1), adapter.scaledBy(1)};
      assertThrows(GgmlException.class, () -> context.setAdapters(two));
    }
  }

  @Test
  void endsWhereTheContextDoes() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    int context = 256;
    int[] prompt = new int[context - 3];
    Arrays.fill(prompt, 'a');
    List<Answer> answers = answers(base, Optional.empty(), List.of(prompt, new int[context]), 100);
    assertFalse(answers.get(0).ended());
    assertEquals(4, answers.get(0).tokens()); // the last one needs no room
    assertEquals(1, answers.get(1).tokens());
    assertTrue(answers(base, Optional.empty(), List.of(), 1).isEmpty());
  }

  private static List<Answer> answers(
      Path base, Optional<Path> adapter, List<int[]> prompts, int tokens) throws IOException {
    try (LlamaModel model = ModelLoader.load(base, LlamaModel.Options.CPU)) {
      Optional<LlamaAdapter> loaded = adapter.map(file -> LlamaAdapter.load(model, file));
      int[] told = {0};
      List<Answer> answers =
          new GreedyAnswers(model, loaded, tokens, 1).of(prompts, done -> told[0] = done);
      assertEquals(prompts.size(), told[0]);
      return answers;
    }
  }

  /// More than go through at once, of all lengths.
  private static List<String> prompts(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> prompts = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      StringBuilder prompt = new StringBuilder("w");
      random.ints(random.nextInt(1, 60), 'a', 'z').forEach(letter -> prompt.append((char) letter));
      prompts.add(prompt.toString());
    }
    return prompts;
  }

  private Path adapter(Path base, Optional<Invocation> invocation) throws IOException {
    Path file = folder.resolve(invocation.isPresent() ? "activated.gguf" : "adapter.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraAdapter lora =
          new LoraAdapter("llama", 4, RandomInputs.pairs(gguf, List.of("attn_q", "ffn_up"), 4, 3))
              .activatedBy(invocation);
      AdapterExporter.write(lora, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), file);
    }
    return file;
  }
}

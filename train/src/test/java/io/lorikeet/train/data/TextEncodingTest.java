package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Tokens for training beside those of llama.cpp.
class TextEncodingTest {
  private static final List<String> PARTS =
      List.of("the", "cat", " ", "  ", "\n", ":", "SELECT", "é", "木", "🦜", "</s>", "x", "12", ".");

  @TempDir Path folder;
  private LlamaModel model;

  @BeforeEach
  void open() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    model = LlamaModel.load(base, LlamaModel.Options.VOCABULARY);
  }

  @AfterEach
  void close() {
    model.close();
  }

  /// For any prompt and completion the prompt's tokens are those that inference gives the model,
  /// and all tokens together spell both texts.
  @Test
  void promptsAreWhatInferenceSeesAndCompletionsWhatIsWritten() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    LlamaVocabulary vocabulary = model.vocabulary();
    ExampleTokenizer tokenizer =
        new ExampleTokenizer(TextEncoding.of(vocabulary), 1000, TooLong.CUT, TrainOn.COMPLETION);
    for (int round = 0; round < 2000; round++) {
      String prompt = text(random);
      String completion = text(random) + "end";
      Example example = new Example(new Example.Completion(prompt, completion), "f", 1);
      TokenizedExample tokenized = tokenizer.tokenize(example).examples().getFirst();
      int[] tokens = tokenized.tokens();
      String message = "seed " + seed + ": '" + prompt + "' and '" + completion + "'";
      assertArrayEquals(
          vocabulary.tokenize(prompt, true, false),
          Arrays.copyOf(tokens, tokens.length - tokenized.targets()),
          message);
      assertEquals(vocabulary.eos().orElseThrow(), tokens[tokens.length - 1], message);
      int[] written = Arrays.copyOfRange(tokens, 1, tokens.length - 1);
      assertEquals(prompt + completion, vocabulary.detokenize(written, false, false), message);
    }
  }

  @Test
  void knowsTheNamesOfControlTokens() {
    TextEncoding encoding = TextEncoding.of(model.vocabulary());
    assertEquals(Map.of('<', List.of("<unk>", "<s>", "</s>")), encoding.controlTokens());
    assertTrue(encoding.spellsControl("the end</s>") && !encoding.spellsControl("a < b"));
    int[] tokens = encoding.tokens("the end</s>");
    assertTrue(Arrays.stream(tokens).noneMatch(token -> token == 2));
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    for (int count = random.nextInt(6); count > 0; count--) {
      text.append(PARTS.get(random.nextInt(PARTS.size())));
    }
    return text.toString();
  }
}

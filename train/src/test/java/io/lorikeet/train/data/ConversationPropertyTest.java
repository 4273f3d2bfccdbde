package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.text.ChatVocabulary;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.models.text.template.Fixtures;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Random conversations through masks, packer and batches. `-Dlorikeet.conversations=100000` makes
/// it thorough, `-Dlorikeet.seed=N` repeats a run.
@ExtendWith(LeakCheck.class)
class ConversationPropertyTest {
  private static final int CONVERSATIONS = Integer.getInteger("lorikeet.conversations", 400);
  private static final int TOGETHER = 50; // go through the packer
  private static final int LONGEST = 100_000;
  private static final Pattern TAG = Pattern.compile("q([AU])\\d+q");
  private static final List<String> PARTS =
      List.of(
          " ",
          "\n",
          "\n\n",
          "the",
          " and",
          "ing ",
          ".",
          "!!",
          "<|im_end|>",
          "</s>",
          "<think>",
          "<",
          ">",
          "\u00e9",
          "\ud83e\udd9c",
          "user",
          "assistant",
          "\t",
          "{{ x }}",
          "  ",
          "0 1 2");

  @TempDir private Path folder;

  @Test
  void trainedTokensAreTheAssistantsAndPackingKeepsExamplesApart() throws IOException {
    long seed = Long.getLong("lorikeet.seed", new Random().nextLong());
    System.out.println("ConversationPropertyTest seed " + seed);
    Random random = new Random(seed);
    List<Tokenizer> tokenizers = new ArrayList<>();
    try {
      for (String template :
          List.of(
              ChatTemplates.builtIn("chatml").source(),
              ChatTemplates.builtIn("llama3").source(),
              Fixtures.read().templates().get("Qwen-Qwen3-0.6B"))) {
        Path base = folder.resolve("base" + tokenizers.size() + ".gguf");
        tokenizers.add(Tokenizer.open(ChatVocabulary.bytePairs(base, template)));
        base = folder.resolve("base" + tokenizers.size() + ".gguf");
        tokenizers.add(Tokenizer.open(ChatVocabulary.sentencePieces(base, template)));
      }
      for (int done = 0; done < CONVERSATIONS; done += TOGETHER) {
        Tokenizer tokenizer = tokenizers.get(random.nextInt(tokenizers.size()));
        check(tokenizer, random, "seed " + seed + ", conversations from " + done);
      }
    } finally {
      tokenizers.forEach(Tokenizer::close);
    }
  }

  private static void check(Tokenizer tokenizer, Random random, String message) throws IOException {
    TextEncoding encoding = TextEncoding.of(tokenizer, Optional.empty());
    ExampleTokenizer whole =
        new ExampleTokenizer(encoding, LONGEST, TooLong.CUT, TrainOn.ASSISTANT);
    int context = 20 + random.nextInt(300);
    TooLong tooLong = TooLong.values()[random.nextInt(TooLong.values().length)];
    ExampleTokenizer fitting = new ExampleTokenizer(encoding, context, tooLong, TrainOn.ASSISTANT);
    List<TokenizedExample> examples = new ArrayList<>();
    for (int i = 0; i < TOGETHER; i++) {
      Conversation conversation = conversation(random);
      Example example = new Example(new Example.Chat(conversation), "f", i + 1);
      checkMask(tokenizer, conversation, whole.tokenize(example), message + ": " + conversation);
      fitting.tokenize(example).examples().stream()
          .map(ConversationPropertyTest::withoutZero)
          .forEach(examples::add);
    }
    if (!examples.isEmpty()) {
      checkPacking(examples, context, 1 + random.nextInt(3), message);
    }
  }

  /// All tokens one higher, so that padding stands out.
  private static TokenizedExample withoutZero(TokenizedExample example) {
    int[] tokens = Arrays.stream(example.tokens()).map(token -> token + 1).toArray();
    return new TokenizedExample(tokens, example.weights(), example.source(), example.line());
  }

  /// Each answer that is to be learned is in the tokens with loss once, and nothing else is.
  private static void checkMask(
      Tokenizer tokenizer, Conversation conversation, Tokenized result, String message) {
    assertEquals("", result.problem(), message);
    StringBuilder learned = new StringBuilder();
    for (TokenizedExample example : result.examples()) {
      int[] tokens = example.tokens();
      int from = 0;
      for (int i = 0; i <= tokens.length; i++) {
        if (i == tokens.length || !example.trains(i)) {
          int[] stretch = Arrays.copyOfRange(tokens, from, i);
          learned.append(tokenizer.vocabulary().detokenize(stretch, false, true)).append('\n');
          from = i + 1;
        }
      }
    }
    List<String> expected = new ArrayList<>();
    for (Message answer : conversation.messages()) {
      if (answer.isLearned()) {
        expected.addAll(tags(answer.text()));
      }
    }
    assertEquals(expected, tags(learned.toString()), message);
  }

  private static List<String> tags(String text) {
    List<String> tags = new ArrayList<>();
    Matcher matcher = TAG.matcher(text);
    while (matcher.find()) {
      tags.add(matcher.group());
    }
    return tags;
  }

  private static void checkPacking(
      List<TokenizedExample> examples, int context, int batchSize, String message) {
    DataSet data = DataSet.of(examples, context, DataSet.Packing.ROWS);
    List<List<Integer>> found = new ArrayList<>();
    for (MicroBatch batch : data.batches(batchSize)) {
      for (int row = 0; row < batchSize; row++) {
        found.addAll(PackingPropertyTest.unpack(batch.tokens(), row, message));
      }
    }
    assertEquals(
        PackingPropertyTest.sorted(examples.stream().map(PackingPropertyTest::flat).toList()),
        PackingPropertyTest.sorted(found),
        message);
    assertTrue(examples.stream().allMatch(example -> example.places() <= context), message);
    SharedRows.check(examples, context, batchSize, message);
  }

  private static Conversation conversation(Random random) {
    List<Message> messages = new ArrayList<>();
    if (random.nextInt(3) == 0) {
      messages.add(Message.of("system", text(random, "U", 0)));
    }
    for (int turns = 1 + random.nextInt(4); turns > 0; turns--) {
      messages.add(Message.of("user", text(random, "U", messages.size())));
      Message answer = Message.of("assistant", text(random, "A", messages.size()));
      messages.add(random.nextInt(5) == 0 ? answer.weighted(0) : answer);
    }
    if (random.nextInt(8) == 0) {
      messages.add(Message.of("user", text(random, "U", messages.size())));
    }
    return new Conversation(messages, List.of(), Map.of());
  }

  /// With a tag that nothing else in the conversation has.
  private static String text(Random random, String who, int number) {
    StringBuilder text = new StringBuilder();
    int count = random.nextInt(6);
    int tagAt = random.nextInt(count + 1);
    for (int i = 0; i <= count; i++) {
      text.append(i == tagAt ? "q" + who + number + "q" : PARTS.get(random.nextInt(PARTS.size())));
    }
    return text.toString();
  }
}

package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.chat.Conversation.ToolCall;
import io.lorikeet.models.text.ChatVocabulary;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.models.text.template.Fixtures;
import io.lorikeet.models.text.template.TemplateException;
import io.lorikeet.train.data.ConversationTokenizer.Sequence;
import io.lorikeet.train.data.ConversationTokenizer.TokenizedConversation;
import io.lorikeet.train.data.Tokenized.ChatRemark;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
@Tag("slow")
final class ConversationTokenizerTest {
  private static final String CHATML = ChatTemplates.builtIn("chatml").source();
  private static final Message SYSTEM = Message.of("system", "Be brief.");
  private static final Message USER = Message.of("user", "One?");
  private static final Message ANSWER = Message.of("assistant", "the 1");
  private static final Message AGAIN = Message.of("user", "Two?");
  private static final Message LAST = Message.of("assistant", "2");

  @TempDir private Path folder;
  private Tokenizer tokenizer;

  @AfterEach
  void close() {
    tokenizer.close();
  }

  @Test
  void lossOnTheAssistantsTurnsAndTheirEnds() throws IOException {
    TokenizedConversation result =
        tokenize(CHATML, TrainOn.ASSISTANT, SYSTEM, USER, ANSWER, AGAIN, LAST);
    assertEquals(List.of("the 1<|im_end|>", "2<|im_end|>"), learned(result));
    assertEquals(1, result.sequences().size());
    assertEquals(Set.of(), result.remarks());
    assertEquals(
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nOne?<|im_end|>\n"
            + "<|im_start|>assistant\nthe 1<|im_end|>\n<|im_start|>user\nTwo?<|im_end|>\n"
            + "<|im_start|>assistant\n2<|im_end|>",
        text(result.sequences().getFirst().tokens()));
  }

  /// Turns that would be cut away aren't rendered, which makes no difference. The templates are one
  /// whose turns go on from each other, one that ends turns without an end token, one that drops
  /// earlier thoughts, and one that drops all but the last messages.
  @ParameterizedTest
  @ValueSource(strings = {"chatml", "endless", "thoughts", "forgetful"})
  void onlyWhatFitsIsLookedAt(String name) throws IOException {
    tokenizer = Tokenizer.open(ChatVocabulary.bytePairs(folder.resolve("base.gguf"), like(name)));
    ChatEncoding encoding = ChatEncoding.of(tokenizer, Optional.empty());
    Conversation chat = Conversation.of(longChat(40));
    TokenizedConversation all =
        new ConversationTokenizer(encoding, TrainOn.ASSISTANT, Integer.MAX_VALUE).tokenize(chat);
    for (int wanted : new int[] {1, 40, 129, 300, 2000}) {
      TokenizedConversation part =
          new ConversationTokenizer(encoding, TrainOn.ASSISTANT, wanted).tokenize(chat);
      assertEquals(beginnings(all, wanted), beginnings(part, wanted));
      assertArrayEquals(
          all.sequences().getLast().tokens(), part.sequences().getLast().tokens(), "its length");
    }
  }

  private static String like(String name) {
    return switch (name) {
      case "endless" -> CHATML.replace("<|im_end|>", "<|close|>");
      case "thoughts" ->
          CHATML.replace(
              "message['content']",
              "(message['content'] if loop.last else message['content'].split('=')[-1])");
      case "forgetful" -> CHATML.replace("in messages", "in messages[-3:]");
      default -> CHATML;
    };
  }

  /// The rest of sequences that are cut behind so many tokens, where it has a learned token.
  private static List<String> beginnings(TokenizedConversation result, int wanted) {
    List<String> beginnings = new ArrayList<>();
    for (Sequence sequence : result.sequences()) {
      int end = Math.min(wanted, sequence.tokens().length);
      float[] weights = Arrays.copyOf(sequence.weights(), end);
      if (Tokens.count(weights) > 0) {
        beginnings.add(
            Arrays.toString(Arrays.copyOf(sequence.tokens(), end)) + Arrays.toString(weights));
      }
    }
    return beginnings;
  }

  @ParameterizedTest
  @ValueSource(strings = {"chatml", "endless"})
  void timeGrowsWithTheLengthOfAChat(String name) throws IOException {
    tokenizer = Tokenizer.open(ChatVocabulary.bytePairs(folder.resolve("base.gguf"), like(name)));
    ChatEncoding encoding = ChatEncoding.of(tokenizer, Optional.empty());
    ConversationTokenizer tokenizing = new ConversationTokenizer(encoding, TrainOn.ASSISTANT, 512);
    Conversation chat = Conversation.of(longChat(4000));
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long start = threads.getCurrentThreadCpuTime();
    assertTrue(tokenizing.tokenize(chat).sequences().size() < 50);
    long seconds = (threads.getCurrentThreadCpuTime() - start) / 1_000_000_000;
    assertTrue(seconds < 5, seconds + " s");
  }

  private static Message[] longChat(int messages) {
    return IntStream.range(0, messages)
        .mapToObj(i -> Message.of(i % 2 == 0 ? "user" : "assistant", "a=message number " + i))
        .toArray(Message[]::new);
  }

  @Test
  void theSettingChoosesTurns() throws IOException {
    Message[] chat = {USER, ANSWER, AGAIN, LAST, Message.of("assistant", "3")};
    assertEquals(List.of("3<|im_end|>"), learned(tokenize(CHATML, TrainOn.LAST_TURN, chat)));
    tokenizer.close();
    assertEquals(
        List.of("2<|im_end|>", "3<|im_end|>"), learned(tokenize(CHATML, TrainOn.COMPLETION, chat)));
    tokenizer.close();
    TokenizedConversation all = tokenize(CHATML, TrainOn.ALL, USER, ANSWER);
    Sequence sequence = all.sequences().getFirst();
    assertEquals(sequence.tokens().length - 1, Tokens.count(sequence.weights()));
    tokenizer.close();
    TokenizedConversation some =
        tokenize(CHATML, TrainOn.ASSISTANT, USER, ANSWER.weighted(0), AGAIN, LAST);
    assertEquals(List.of("2<|im_end|>"), learned(some));
  }

  @ParameterizedTest
  @CsvSource({
    "Qwen-Qwen3-0.6B, '<think>\nSo.\n</think>\n\n', '2<|im_end|>'",
    "Qwen-QwQ-32B, 'So.\n</think>\n\n', '2<|im_end|>'",
    "openai-gpt-oss-120b, 'So.<|end|>', '<|start|>assistant<|channel|>final<|message|>2'",
  })
  void thoughtsOrAnswersAlone(String name, String thoughts, String answer) throws IOException {
    String template = Fixtures.read().templates().get(name);
    Message[] chat = {USER, thinking("2", "So.")};
    String thought = learned(tokenize(template, TrainOn.THOUGHTS, chat)).getFirst();
    assertTrue(thought.endsWith(thoughts.replace("\\n", "\n")), thought);
    tokenizer.close();
    String said = learned(tokenize(template, TrainOn.ANSWERS, chat)).getFirst();
    assertTrue(said.startsWith(answer), said);
    tokenizer.close();
    String whole = learned(tokenize(template, TrainOn.ASSISTANT, chat)).getFirst();
    assertEquals(whole, thought + said);
  }

  @Test
  void callsAreAnswers() throws IOException {
    String qwen = Fixtures.read().templates().get("Qwen-Qwen3-0.6B");
    Message call = call().thinking(Optional.of("Add."));
    assertEquals(
        List.of(
            "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call><|im_end|>"),
        learned(tokenize(qwen, TrainOn.ANSWERS, USER, call)));
    tokenizer.close();
    assertEquals(
        List.of("<think>\nAdd.\n</think>\n\n"),
        learned(tokenize(qwen, TrainOn.THOUGHTS, USER, call)));
  }

  @Test
  void turnsWithoutThoughts() throws IOException {
    String qwen = Fixtures.read().templates().get("Qwen-Qwen3-0.6B");
    TokenizedConversation none = tokenize(qwen, TrainOn.THOUGHTS, USER, ANSWER);
    assertEquals(List.of(), none.sequences());
    assertEquals(Set.of(ChatRemark.WITHOUT_THOUGHTS), none.remarks());
    tokenizer.close();
    assertEquals(
        List.of("the 1<|im_end|>"), learned(tokenize(qwen, TrainOn.ANSWERS, USER, ANSWER)));
    tokenizer.close();
    assertEquals(
        List.of("the 1<|im_end|>"), learned(tokenize(CHATML, TrainOn.ANSWERS, USER, ANSWER)));
  }

  @Test
  void turnsHaveTheWeightsOfTheData() throws IOException {
    Sequence sequence =
        tokenize(CHATML, TrainOn.ASSISTANT, USER, ANSWER.weighted(0.25), AGAIN, LAST.weighted(3))
            .sequences()
            .getFirst();
    List<Float> found = new ArrayList<>();
    for (float weight : sequence.weights()) {
      if (found.isEmpty() || found.getLast() != weight) {
        found.add(weight);
      }
    }
    assertEquals(List.of(0f, 0.25f, 0f, 3f), found);
  }

  @Test
  void tokensOfAPromptStayAsTheyAreThoughTheyWouldMelt() throws IOException {
    Message blank = Message.of("assistant", "\nthe 1");
    TokenizedConversation result = tokenize(CHATML, TrainOn.ASSISTANT, USER, blank, AGAIN, LAST);
    assertEquals(List.of("\nthe 1<|im_end|>", "2<|im_end|>"), learned(result));
    // In the second request the server sees both line breaks as one token.
    assertEquals(Set.of(ChatRemark.SEPARATE_TURNS), result.remarks());
    int[] prompt =
        tokenizer.encode("<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n", true, true);
    assertTrue(Tokens.startsWith(result.sequences().getFirst().tokens(), prompt));
    int[] later =
        tokenizer.encode(
            "<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n\nthe 1<|im_end|>\n"
                + "<|im_start|>user\nTwo?<|im_end|>\n<|im_start|>assistant\n",
            true,
            true);
    assertTrue(Tokens.startsWith(result.sequences().getLast().tokens(), later));
  }

  @Test
  void controlTokensInMessagesStayText() throws IOException {
    Message user = Message.of("user", "Say <|im_end|>");
    Message answer = Message.of("assistant", "<|im_end|> and </s>");
    TokenizedConversation result = tokenize(CHATML, TrainOn.ASSISTANT, user, answer, AGAIN, LAST);
    assertTrue(result.spellsControl());
    assertEquals(List.of("<|im_end|> and </s><|im_end|>", "2<|im_end|>"), learned(result));
    int end = tokenizer.encode("<|im_end|>", false, true)[0];
    int ends = 0;
    for (int token : result.sequences().getFirst().tokens()) {
      ends += token == end ? 1 : 0;
    }
    assertEquals(4, ends);
  }

  @Test
  void droppedThoughtsMakeTurnsOfTheirOwn() throws IOException {
    String qwen = Fixtures.read().templates().get("Qwen-Qwen3-0.6B");
    TokenizedConversation result =
        tokenize(
            qwen, TrainOn.ASSISTANT, USER, thinking("the 1", "Hm."), AGAIN, thinking("2", "So."));
    assertEquals(Set.of(ChatRemark.SEPARATE_TURNS), result.remarks());
    assertEquals(
        List.of(
            "<think>\nHm.\n</think>\n\nthe 1<|im_end|>", "<think>\nSo.\n</think>\n\n2<|im_end|>"),
        learned(result));
    assertFalse(text(result.sequences().getLast().tokens()).contains("Hm."));
  }

  @Test
  void thoughtsThatThePromptBegins() throws IOException {
    String template =
        "{% for m in messages %}{% set c = m.content.split('</think>')[-1].lstrip('\\n') %}"
            + "{{ '<|im_start|>' + m.role + '\\n' + c + '<|im_end|>\\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}";
    TokenizedConversation result =
        tokenize(template, TrainOn.ASSISTANT, USER, thinking("the 1", "Hm."));
    assertEquals(List.of("Hm.\n</think>\n\nthe 1<|im_end|>"), learned(result));
    assertEquals(Set.of(), result.remarks());
    tokenizer.close();
    Message inline = Message.of("assistant", "<think>\nHm.\n</think>\n\nthe 1");
    assertEquals(
        List.of("Hm.\n</think>\n\nthe 1<|im_end|>"),
        learned(tokenize(template, TrainOn.ASSISTANT, USER, inline)));
  }

  /// The server asks for thoughts, the data has none: the model is to end them at once.
  @ParameterizedTest
  @CsvSource({
    "GLM-4.7-Flash, <think>, </think>the 1",
    "Spark2.5, <think>, </think>the 1",
    "poolside-Laguna-XS-2.1, <think>, </think>\\nthe 1",
    "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16, <think>\\n, </think>\\nthe 1",
    "Cohere2MoE, <|START_THINKING|>, <|END_THINKING|><|START_TEXT|>the 1<|END_TEXT|>",
    "Qwen-QwQ-32B, <think>\\n, </think>\\n\\nthe 1",
  })
  void thoughtsThatThePromptBeginsAndTheDataHasNot(String name, String prompt, String answer)
      throws IOException {
    String template = Fixtures.read().templates().get(name);
    TokenizedConversation result = tokenize(template, TrainOn.ASSISTANT, USER, ANSWER);
    String learned = learned(result).getFirst();
    assertTrue(learned.startsWith(answer.replace("\\n", "\n")), learned);
    String whole = text(result.sequences().getFirst().tokens());
    assertTrue(whole.endsWith(prompt.replace("\\n", "\n") + learned), whole);
    assertFalse(result.remarks().contains(ChatRemark.OTHER_PROMPT), name);
  }

  @Test
  void callsAfterThoughtsThatThePromptBegins() throws IOException {
    String template = Fixtures.read().templates().get("Qwen-QwQ-32B");
    TokenizedConversation result = tokenize(template, TrainOn.ASSISTANT, USER, call());
    assertEquals(
        List.of(
            "</think>\n\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call><|im_end|>"),
        learned(result));
    assertTrue(
        text(result.sequences().getFirst().tokens())
            .contains("<|im_start|>assistant\n<think>\n</think>\n\n<tool_call>"));
  }

  @Test
  void thoughtsThatThePromptHasEnded() throws IOException {
    String qwen = Fixtures.read().templates().get("Qwen-Qwen3-0.6B");
    Map<String, Object> off = Map.of("enable_thinking", false);
    tokenizer = Tokenizer.open(ChatVocabulary.bytePairs(folder.resolve("base.gguf"), qwen));
    TokenizedConversation result = tokenize(TrainOn.ASSISTANT, off, USER, thinking("the 1", "Hm."));
    assertEquals(List.of("the 1<|im_end|>"), learned(result));
    assertTrue(
        text(result.sequences().getFirst().tokens())
            .endsWith("assistant\n<think>\n\n</think>\n\nthe 1<|im_end|>"));
    assertEquals(Set.of(ChatRemark.NO_THOUGHTS), result.remarks());
    tokenizer.close();
    assertEquals(
        Set.of(ChatRemark.NO_THOUGHTS), // which ChatML doesn't know
        tokenize(CHATML, TrainOn.ASSISTANT, USER, thinking("the 1", "Hm.")).remarks());
  }

  /// Which the template writes only while a turn isn't there, as Command R7B's.
  @Test
  void whatOnlyThePromptEndsWith() throws IOException {
    String template =
        "{% for m in messages %}<|im_start|>{{ m.role }}{% if m.role == 'assistant' %}<|out|>"
            + "{% endif %}{{ m.content }}<|im_end|>{% endfor %}"
            + "<|im_start|>assistant<|in|><|/in|>";
    TokenizedConversation result = tokenize(template, TrainOn.ASSISTANT, USER, ANSWER);
    assertEquals(List.of("<|out|>the 1<|im_end|>"), learned(result));
    assertEquals(
        "<|im_start|>userOne?<|im_end|><|im_start|>assistant<|in|><|/in|><|out|>the 1<|im_end|>",
        text(result.sequences().getFirst().tokens()));
    assertEquals(Set.of(), result.remarks());
  }

  @Test
  void callsOfToolsAreLearnedAndTheirResultsAreNot() throws IOException {
    String qwen = Fixtures.read().templates().get("Qwen-Qwen2.5-7B-Instruct");
    Message result =
        new Message(
            "tool",
            List.of("<|im_end|>3"),
            Optional.empty(),
            List.of(),
            Optional.of("add"),
            Optional.of("1"),
            Optional.empty());
    TokenizedConversation tokenized = tokenize(qwen, TrainOn.ASSISTANT, USER, call(), result, LAST);
    assertEquals(
        List.of(
            "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call><|im_end|>",
            "2<|im_end|>"),
        learned(tokenized));
  }

  @Test
  void callsThatTheTemplateLeavesOutAreNotLearnedAsSilence() throws IOException {
    ToolCall add = new ToolCall(Optional.empty(), "add", "{}");
    Message call =
        new Message(
            "assistant",
            List.of(),
            Optional.empty(),
            List.of(add),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());
    TokenizedConversation result =
        tokenize(CHATML, TrainOn.ASSISTANT, USER, call, Message.of("tool", "3"), LAST);
    assertEquals(List.of("2<|im_end|>"), learned(result));
  }

  @Test
  void whereATurnHasNoEndTheBasesOwnIsPutThere() throws IOException {
    String template =
        "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n\\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}";
    TokenizedConversation result = tokenize(template, TrainOn.ASSISTANT, USER, ANSWER);
    assertEquals(List.of(" the 1<|im_end|>"), learned(result)); // Qwen's end token
    assertEquals(Set.of(ChatRemark.NO_END_OF_TURN), result.remarks());
  }

  @Test
  void aTemplateThatSaysWhatIsGenerated() throws IOException {
    String template =
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n"
            + "' }}{% if m.role == 'assistant' %}{{ 'note: ' }}{% generation %}{{ m.content"
            + " }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}{%"
            + " endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n"
            + "' }}{% endif %}";
    TokenizedConversation result = tokenize(template, TrainOn.ASSISTANT, USER, ANSWER, AGAIN, LAST);
    assertEquals(List.of("the 1<|im_end|>", "2<|im_end|>"), learned(result));
  }

  @Test
  void aChatThatTheTemplateRefuses() throws IOException {
    String gemma = Fixtures.read().templates().get("google-gemma-2-2b-it");
    TemplateException refused =
        assertThrows(
            TemplateException.class, () -> tokenize(gemma, TrainOn.ASSISTANT, USER, AGAIN, LAST));
    assertTrue(refused.getMessage().contains("roles must alternate"), refused.getMessage());
    assertTrue(refused.isRaised());
  }

  @Test
  void theBeginTokenStandsOnce() throws IOException {
    String template =
        "{{ bos_token }}{% for m in messages %}{{ '[' + m.role + '] ' + m.content }}"
            + "{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}";
    tokenizer =
        Tokenizer.open(ChatVocabulary.sentencePieces(folder.resolve("base.gguf"), template));
    TokenizedConversation result = tokenize(TrainOn.ASSISTANT, USER, ANSWER, AGAIN, LAST);
    int[] tokens = result.sequences().getFirst().tokens();
    assertEquals(1, tokens[0]);
    int[] expected = tokenizer.encode("[user] One?", true, true);
    assertArrayEquals(expected, Arrays.copyOf(tokens, expected.length));
    assertEquals(List.of("[assistant] the 1</s>", "[assistant] 2</s>"), learned(result));
  }

  private static Message call() {
    return new Message(
        "assistant",
        List.of(),
        Optional.empty(),
        List.of(new ToolCall(Optional.of("1"), "add", "{\"a\": 1}")),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private static Message thinking(String text, String thought) {
    return new Message(
        "assistant",
        List.of(text),
        Optional.of(thought),
        List.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private TokenizedConversation tokenize(String template, TrainOn trainOn, Message... messages)
      throws IOException {
    tokenizer = Tokenizer.open(ChatVocabulary.bytePairs(folder.resolve("base.gguf"), template));
    return tokenize(trainOn, messages);
  }

  private TokenizedConversation tokenize(TrainOn trainOn, Message... messages) throws IOException {
    return tokenize(trainOn, Map.of(), messages);
  }

  private TokenizedConversation tokenize(
      TrainOn trainOn, Map<String, Object> variables, Message... messages) throws IOException {
    ChatEncoding encoding = ChatEncoding.of(tokenizer, Optional.empty());
    return new ConversationTokenizer(encoding, trainOn, Integer.MAX_VALUE)
        .tokenize(new Conversation(List.of(messages), List.of(), variables));
  }

  private String text(int[] tokens) {
    return tokenizer.vocabulary().detokenize(tokens, false, true);
  }

  /// The text of each stretch of tokens with loss.
  private List<String> learned(TokenizedConversation result) {
    List<String> stretches = new ArrayList<>();
    for (Sequence sequence : result.sequences()) {
      List<Integer> stretch = new ArrayList<>();
      for (int i = 0; i <= sequence.tokens().length; i++) {
        if (i < sequence.tokens().length && sequence.weights()[i] > 0) {
          stretch.add(sequence.tokens()[i]);
        } else if (!stretch.isEmpty()) {
          stretches.add(text(stretch.stream().mapToInt(token -> token).toArray()));
          stretch.clear();
        }
      }
    }
    return stretches;
  }
}

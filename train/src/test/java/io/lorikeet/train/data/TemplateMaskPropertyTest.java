package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.text.ChatVocabulary;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.models.text.template.Fixtures;
import io.lorikeet.models.text.template.TemplateException;
import io.lorikeet.train.data.ConversationTokenizer.Sequence;
import io.lorikeet.train.data.ConversationTokenizer.TokenizedConversation;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Random conversations, through every template, mask and packer. Each stretch with loss is one
/// turn of the assistant, whole and with its end, behind exactly the prompt that a server would
/// have made. Packed examples come out as they went in.
///
/// `-Dlorikeet.conversations=100000` tries so many; it takes minutes.
@ExtendWith(LeakCheck.class)
@Tag("slow")
final class TemplateMaskPropertyTest {
  private static final int CONVERSATIONS = Integer.getInteger("lorikeet.conversations", 400);
  private static final int PACKED = 500;
  private static final List<String> PIECES =
      List.of(
          "the",
          " and",
          "\n",
          "\n\n",
          " ",
          "1 < 2",
          "é",
          "😀",
          "<|im_end|>",
          "</s>",
          "<|eot_id|>",
          "[/INST]",
          "<|im_start|>user\n",
          "{{ x }}",
          "{% if %}",
          "'",
          "\"",
          "\\n",
          "thinking",
          "<tool",
          "ing",
          "!",
          ".\n",
          "\t",
          "  ");

  @TempDir private Path folder;

  @Test
  void everyTrainedTokenIsOfATurnOfTheAssistant() throws IOException {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    Map<String, String> templates = new LinkedHashMap<>();
    ChatTemplates.BUILT_IN.forEach(
        name -> templates.put(name, ChatTemplates.builtIn(name).source()));
    templates.putAll(Fixtures.read().templates());
    int each = Math.ceilDiv(CONVERSATIONS, 2 * templates.size());
    int refused = 0;
    int tried = 0;
    for (Map.Entry<String, String> template : templates.entrySet()) {
      for (boolean pairs : new boolean[] {true, false}) {
        Path file = folder.resolve("base.gguf");
        Path base =
            pairs
                ? ChatVocabulary.bytePairs(file, template.getValue())
                : ChatVocabulary.sentencePieces(file, template.getValue());
        try (Tokenizer tokenizer = Tokenizer.open(base)) {
          ChatEncoding encoding = ChatEncoding.of(tokenizer, Optional.empty());
          List<TokenizedExample> examples = new ArrayList<>();
          for (int i = 0; i < each; i++) {
            Conversation conversation = conversation(random);
            String label = template.getKey() + ", seed " + seed + ": " + conversation.messages();
            tried++;
            try {
              TokenizedConversation result =
                  new ConversationTokenizer(encoding, TrainOn.ASSISTANT, Integer.MAX_VALUE)
                      .tokenize(conversation);
              check(conversation, result, tokenizer, encoding, label);
              for (Sequence sequence : result.sequences()) {
                examples.add(
                    new TokenizedExample(sequence.tokens(), sequence.weights(), "f", i + 1));
              }
            } catch (TemplateException _) {
              refused++;
            }
            if (examples.size() >= PACKED || i == each - 1 && !examples.isEmpty()) {
              int longest = examples.stream().mapToInt(TokenizedExample::places).max().orElse(1);
              PackingPropertyTest.assertPacks(examples, 2 * longest, 2, label);
              examples.clear();
            }
          }
        }
      }
    }
    assertTrue(refused < tried / 5, refused + " of " + tried + " refused");
    System.out.println(tried + " conversations, " + refused + " refused by their template");
  }

  private static Conversation conversation(Random random) {
    List<Message> messages = new ArrayList<>();
    if (random.nextBoolean()) {
      messages.add(Message.of("system", text(random, "S" + messages.size())));
    }
    int turns = 1 + random.nextInt(4);
    for (int i = 0; i < turns; i++) {
      messages.add(Message.of("user", text(random, "U" + messages.size())));
      Message answer = Message.of("assistant", text(random, "A" + messages.size()));
      if (random.nextInt(4) == 0) {
        answer = thinking(answer, text(random, "T" + messages.size()));
      }
      messages.add(random.nextInt(8) == 0 ? answer.weighted(0) : answer);
    }
    return new Conversation(messages, List.of(), Map.of());
  }

  private static Message thinking(Message message, String thought) {
    return new Message(
        message.role(),
        message.content(),
        Optional.of(thought),
        List.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /// A text with a mark that no other message has.
  private static String text(Random random, String mark) {
    StringBuilder text = new StringBuilder();
    int before = random.nextInt(4);
    for (int i = before + random.nextInt(6); i >= 0; i--) {
      text.append(i == before ? "(" + mark + ")" : "");
      text.append(PIECES.get(random.nextInt(PIECES.size())));
    }
    return text.append("(").append(mark).append(")").toString();
  }

  private static void check(
      Conversation conversation,
      TokenizedConversation result,
      Tokenizer tokenizer,
      ChatEncoding encoding,
      String label) {
    List<Integer> turns = new ArrayList<>();
    for (int i = 0; i < conversation.messages().size(); i++) {
      Message message = conversation.messages().get(i);
      if (message.isLearned()) {
        turns.add(i);
      }
    }
    int found = 0;
    for (Sequence sequence : result.sequences()) {
      int at = 1;
      assertFalse(sequence.weights()[0] > 0, label);
      while (at < sequence.tokens().length) {
        int start = at;
        while (at < sequence.tokens().length && sequence.weights()[at] > 0) {
          at++;
        }
        if (at > start) {
          assertTrue(found < turns.size(), label);
          checkTurn(
              conversation, turns.get(found++), sequence, start, at, tokenizer, encoding, label);
        }
        at++;
      }
    }
    assertEquals(turns.size(), found, label);
  }

  private static void checkTurn(
      Conversation conversation,
      int turn,
      Sequence sequence,
      int start,
      int end,
      Tokenizer tokenizer,
      ChatEncoding encoding,
      String label) {
    int[] tokens = Arrays.copyOfRange(sequence.tokens(), start, end);
    String text = tokenizer.vocabulary().detokenize(tokens, false, true);
    String said = conversation.messages().get(turn).text().strip();
    assertTrue(squeezed(text).contains(squeezed(said)), () -> label + "\n" + turn + ": " + text);
    for (int i = 0; i < conversation.messages().size(); i++) {
      for (String mark : List.of("(S", "(U", "(A", "(T")) {
        boolean own = i == turn;
        assertTrue(own || !text.contains(mark + i + ")"), () -> label + "\n" + text);
      }
    }
    assertTrue(tokenizer.isEndOfGeneration(tokens[tokens.length - 1]), () -> label + "\n" + text);
    for (int i = 0; i < tokens.length - 1; i++) {
      assertFalse(tokenizer.isEndOfGeneration(tokens[i]), () -> label + "\n" + text);
    }
    String prompt = encoding.template().render(conversation.first(turn), true).text();
    String full = encoding.template().render(conversation.first(turn + 1), false).text();
    boolean spelled =
        conversation.first(turn).messages().stream()
            .anyMatch(
                m ->
                    ChatVocabulary.CONTROL.stream()
                        .anyMatch((m.text() + m.reasoning().orElse(""))::contains));
    if (full.startsWith(prompt) && !spelled) {
      int[] expected = tokenizer.encode(prompt, true, true);
      assertEquals(Math.max(1, expected.length), start, label);
      assertTrue(Tokens.startsWith(sequence.tokens(), expected), label);
    }
  }

  /// Without blanks: a Llama's vocabulary puts spaces after control tokens.
  private static String squeezed(String text) {
    return text.replaceAll("\\s+", "");
  }
}

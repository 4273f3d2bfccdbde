package io.lorikeet.train.data.files;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Makes an example of a JSON object, by its layout.
final class ExampleParser {
  private ExampleParser() {}

  /// @throws RecordProblem with the problem
  static Example.Content parse(JsonNode record, ExampleFormat format) {
    return switch (format) {
      case TEXT -> new Example.PlainText(filled(record, "text"));
      case QUESTION_ANSWER -> questionAnswer(record);
      case ALPACA -> alpaca(record);
      case PROMPT_COMPLETION -> promptCompletion(record);
      case MESSAGES -> chat(record, "messages");
      case SHAREGPT -> chat(record, "conversations");
      case ANCHOR_POSITIVE -> retrieval(record, "anchor", "positive", "negative", "negatives");
      case QUERY_POS -> retrieval(record, "query", "pos", "neg");
      case PREFERENCE -> preference(record);
      case OPEN_WEBUI -> chat(OpenWebUi.chat(record), "messages");
      case OPEN_WEBUI_FEEDBACK -> chat(OpenWebUi.feedback(record), "messages");
    };
  }

  /// Worded as EleutherAI's lm-evaluation-harness asks GSM8K's. The completion begins with the
  /// space after the colon.
  private static Example.Content questionAnswer(JsonNode record) {
    String prompt = "Question: " + filled(record, "question") + "\nAnswer:";
    return new Example.Completion(prompt, " " + filled(record, "answer"));
  }

  private static Example.Content promptCompletion(JsonNode record) {
    JsonNode prompt = record.get("prompt");
    JsonNode completion = record.get("completion");
    if (!prompt.isArray() && !completion.isArray()) {
      return new Example.Completion(
          JsonValues.text(record, "prompt", ""), filled(record, "completion"));
    }
    return conversation(asked(prompt), Messages.list(completion, "completion"), record);
  }

  /// The messages of a prompt, of which none is learned.
  private static List<Message> asked(JsonNode prompt) {
    return Messages.list(prompt, "prompt").stream().map(message -> message.weighted(0)).toList();
  }

  private static Example.Content chat(JsonNode record, String key) {
    List<Message> messages = new ArrayList<>();
    JsonValues.optionalText(record, "system", "")
        .filter(system -> !system.isBlank())
        .ifPresent(system -> messages.add(Message.of("system", system)));
    List<Message> listed = Messages.list(record.get(key), key);
    ChatCheck.check(listed, key);
    messages.addAll(listed);
    return new Example.Chat(conversationOf(messages, record));
  }

  private static Example.Chat conversation(
      List<Message> prompt, List<Message> answer, JsonNode record) {
    List<Message> all = new ArrayList<>(prompt);
    all.addAll(answer);
    ChatCheck.check(all, "prompt and completion");
    if (answer.stream().noneMatch(Message::isAssistant)) {
      throw new RecordProblem("the completion has no message of an assistant to learn");
    }
    return new Example.Chat(conversationOf(all, record));
  }

  private static Conversation conversationOf(List<Message> messages, JsonNode record) {
    return new Conversation(messages, Messages.tools(record.path("tools")), variables(record));
  }

  private static Map<String, Object> variables(JsonNode record) {
    String key = "chat_template_kwargs";
    JsonNode given = record.path(key);
    if (JsonValues.isAbsent(given)) {
      return Map.of();
    }
    JsonNode object =
        given.isTextual() ? JsonValues.parsed(given.textValue(), "'" + key + "'") : given;
    if (!object.isObject()) {
      throw new RecordProblem(
          "'%s' must be an object, or one as JSON text, found %s"
              .formatted(key, JsonValues.describe(object)));
    }
    return JsonValues.object(object, "'" + key + "'");
  }

  private static Example.Content retrieval(
      JsonNode record, String query, String passages, String... negatives) {
    List<String> others = new ArrayList<>();
    for (String key : negatives) {
      if (!JsonValues.isAbsent(record.path(key))) {
        others.addAll(texts(record, key));
      }
    }
    List<String> found = texts(record, passages);
    if (found.isEmpty()) {
      throw new RecordProblem("'" + passages + "' is empty");
    }
    return new Example.Retrieval(filled(record, query), found, others);
  }

  /// A text, or a list of them.
  private static List<String> texts(JsonNode record, String key) {
    JsonNode value = record.path(key);
    if (!value.isArray()) {
      return List.of(filled(record, key));
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode text : value) {
      String name = "'%s'[%s]".formatted(key, texts.size());
      if (!text.isTextual()) {
        throw new RecordProblem(name + " must be a string, found " + JsonValues.describe(text));
      }
      if (text.textValue().isBlank()) {
        throw new RecordProblem(name + " is empty");
      }
      texts.add(JsonValues.fit(text.textValue(), name));
    }
    return texts;
  }

  private static Example.Content preference(JsonNode record) {
    return new Example.Preference(preferred(record, "chosen"), preferred(record, "rejected"));
  }

  /// One answer with the prompt before it, which can stand apart or at the beginning of both
  /// answers.
  private static Example.Content preferred(JsonNode record, String key) {
    JsonNode answer = record.get(key);
    JsonNode prompt = record.path("prompt");
    if (answer.isTextual() && !record.has("conversations") && !record.has("messages")) {
      String text = prompt.isMissingNode() ? "" : JsonValues.text(record, "prompt", "");
      return new Example.Completion(text, filled(record, key));
    }
    List<Message> before = new ArrayList<>();
    for (String list : List.of("prompt", "messages", "conversations")) {
      if (record.path(list).isArray()) {
        before.addAll(Messages.list(record.get(list), list));
      }
    }
    List<Message> said = said(record, key);
    if (before.isEmpty() && prompt.isTextual() && said.size() == 1) {
      before.add(Message.of("user", JsonValues.text(record, "prompt", "")));
    }
    if (before.isEmpty()) { // all but the last message is the prompt
      before.addAll(said.subList(0, said.size() - 1));
      said = said.subList(said.size() - 1, said.size());
    }
    JsonValues.optionalText(record, "system", "")
        .filter(system -> !system.isBlank())
        .ifPresent(system -> before.addFirst(Message.of("system", system)));
    List<Message> asked = before.stream().map(message -> message.weighted(0)).toList();
    return conversation(asked, said, record);
  }

  /// An answer as text, as a message, or as messages.
  private static List<Message> said(JsonNode record, String key) {
    JsonNode answer = record.get(key);
    if (answer.isTextual()) {
      return List.of(Message.of("assistant", filled(record, key)));
    }
    return answer.isObject() ? List.of(Messages.message(answer, key)) : Messages.list(answer, key);
  }

  /// In the words of Stanford Alpaca's prompt (github.com/tatsu-lab/stanford_alpaca, train.py),
  /// with a line break before the response as most tools have it. With `system` or `history` a
  /// chat, in which LLaMA-Factory puts the input under the instruction.
  private static Example.Content alpaca(JsonNode record) {
    String instruction = filled(record, "instruction");
    String output = filled(record, "output");
    String input = JsonValues.optionalText(record, "input", "").orElse("");
    String system = JsonValues.optionalText(record, "system", "").orElse("");
    List<Message> history = history(record.path("history"));
    if (system.isBlank() && history.isEmpty()) {
      return new Example.Completion(alpacaPrompt(instruction, input), output);
    }
    List<Message> messages = new ArrayList<>();
    if (!system.isBlank()) {
      messages.add(Message.of("system", system));
    }
    messages.addAll(history);
    messages.add(Message.of("user", input.isBlank() ? instruction : instruction + "\n" + input));
    messages.add(Message.of("assistant", output));
    ChatCheck.check(messages, "history");
    return new Example.Chat(conversationOf(messages, record));
  }

  /// Earlier turns: pairs of a question and an answer.
  private static List<Message> history(JsonNode history) {
    List<Message> messages = new ArrayList<>();
    if (history.isMissingNode() || history.isNull()) {
      return messages;
    }
    for (JsonNode turn : history) {
      if (turn.size() != 2 || !turn.path(0).isTextual() || !turn.path(1).isTextual()) {
        throw new RecordProblem("'history' must be a list of pairs of strings");
      }
      messages.add(Message.of("user", JsonValues.fit(turn.get(0).textValue(), "'history'")));
      messages.add(Message.of("assistant", JsonValues.fit(turn.get(1).textValue(), "'history'")));
    }
    if (!history.isArray()) {
      throw new RecordProblem("'history' must be a list of pairs of strings");
    }
    return messages;
  }

  private static String filled(JsonNode record, String key) {
    String text = JsonValues.text(record, key, "");
    if (text.isBlank()) {
      throw new RecordProblem("'" + key + "' is empty");
    }
    return text;
  }

  private static String alpacaPrompt(String instruction, String input) {
    if (input.isEmpty()) {
      return """
      Below is an instruction that describes a task. Write a response that appropriately completes the request.

      ### Instruction:
      %s

      ### Response:
      """
          .formatted(instruction);
    }
    return """
    Below is an instruction that describes a task, paired with an input that provides further context. \
    Write a response that appropriately completes the request.

    ### Instruction:
    %s

    ### Input:
    %s

    ### Response:
    """
        .formatted(instruction, input);
  }
}

package io.lorikeet.finetune.evaluation;

import io.lorikeet.finetune.evaluation.EvaluationTask.TaskItem;
import io.lorikeet.finetune.scoring.Question;
import io.lorikeet.finetune.scoring.ScorerChoice;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Questions of Lorikeet's own, whose answers must be of a form: JSON, or a call of a tool.
final class FormatQuestions {
  private static final List<String> JSON =
      List.of(
          "Write a JSON object with the keys name and age for Ada, who is 36.",
          "List three colours as a JSON array of strings.",
          "Give the capital of France as JSON with the key capital.",
          "Write a JSON array of the numbers from 1 to 5.",
          "Describe a book as a JSON object with title, author and year.",
          "Write the weather of today as JSON with temperature and wind.",
          "Write an empty JSON object.",
          "Give two cities with their countries as a JSON array of objects.");

  private static final List<String> TOOL =
      List.of(
          "What is the weather in Paris?",
          "Is it raining in Oslo?",
          "How warm is it in Cairo now?",
          "Tell me the weather of Lima.",
          "Do I need an umbrella in London?",
          "What is the temperature in Tokyo?",
          "Is there wind in Chicago?",
          "How is the weather in Rome today?");

  private static final Map<String, Object> WEATHER =
      Map.of(
          "type",
          "function",
          "function",
          Map.of(
              "name",
              "get_weather",
              "description",
              "The weather of a city",
              "parameters",
              Map.of(
                  "type",
                  "object",
                  "properties",
                  Map.of("city", Map.of("type", "string")),
                  "required",
                  List.of("city"))));

  private FormatQuestions() {}

  /// @param chats whether the models take chats
  static EvaluationTask json(boolean chats) {
    List<TaskItem> items = new ArrayList<>();
    for (String asked : JSON) {
      String all = asked + " Answer with JSON only.";
      String prompt = chats ? all : "Question: " + all + "\nAnswer:";
      items.add(
          new TaskItem(
              question("json", items.size(), prompt, chats, List.of()), ScorerChoice.json()));
    }
    return new EvaluationTask("valid JSON", items);
  }

  static EvaluationTask toolCalls() {
    List<TaskItem> items = new ArrayList<>();
    for (String asked : TOOL) {
      items.add(
          new TaskItem(
              question("tool", items.size(), asked, true, List.of(WEATHER)),
              ScorerChoice.anyToolCall()));
    }
    return new EvaluationTask("tool calls", items);
  }

  private static Question question(
      String kind, int number, String prompt, boolean chat, List<Map<String, Object>> tools) {
    Conversation asked = new Conversation(List.of(Message.of("user", prompt)), tools, Map.of());
    return new Question(
        kind + " " + (number + 1),
        prompt,
        chat ? Optional.of(asked) : Optional.empty(),
        "",
        List.of());
  }
}

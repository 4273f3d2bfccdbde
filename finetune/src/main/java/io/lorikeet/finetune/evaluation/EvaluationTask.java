package io.lorikeet.finetune.evaluation;

import io.lorikeet.finetune.scoring.Question;
import io.lorikeet.finetune.scoring.Scorer;
import io.lorikeet.finetune.scoring.ScorerChoice;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.data.files.ExampleReader;
import io.lorikeet.train.data.files.SourceLine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/// Questions, and how their answers are scored.
///
/// @param name of the file
public record EvaluationTask(String name, List<TaskItem> items) {
  public EvaluationTask {
    items = List.copyOf(items);
  }

  /// A question and its scorer.
  public record TaskItem(Question question, Scorer scorer) {}

  /// Reads a file of any of the layouts that training takes. A completion is the reference of its
  /// prompt; of a chat the last message of an assistant is the reference, or its last one with tool
  /// calls where `calls` says so.
  ///
  /// @param scorer scores answers to questions that have no `scorer` of their own; empty for
  ///     [ScorerChoice#byReference]
  /// @param calls whether chats are about their tool calls
  /// @throws InvalidInputException with all lines that hold no prompt and answer
  public static EvaluationTask read(Path file, Optional<Scorer> scorer, boolean calls)
      throws IOException {
    Scorer standard = scorer.orElseGet(ScorerChoice::byReference);
    Map<Object, Scorer> own = new HashMap<>();
    List<TaskItem> items = new ArrayList<>();
    ExampleReader reader = new ExampleReader(false, _ -> {});
    reader.read(
        file,
        example -> {
          SourceLine line = new SourceLine(example.source(), example.line());
          try {
            Question question = question(example.content(), line.toString(), calls);
            Scorer used =
                example
                    .scorer()
                    .map(asked -> own.computeIfAbsent(asked, name -> ScorerChoice.ofTask(name)))
                    .orElse(standard);
            items.add(new TaskItem(question, used));
          } catch (InvalidInputException e) {
            reader.refuse(line, e.getMessage());
          }
        });
    reader.finish();
    return new EvaluationTask(file.toString(), items);
  }

  private static Question question(Example.Content content, String place, boolean calls) {
    return switch (content) {
      case Example.Completion(String prompt, String completion) ->
          new Question(place, prompt, Optional.empty(), completion, List.of());
      case Example.Chat(Conversation conversation) -> ofChat(conversation, place, calls);
      case Example.Preference(var chosen, _) -> question(chosen, place, calls);
      case Example.PlainText _, Example.Document _, Example.Retrieval _ ->
          throw new InvalidInputException(
              "a text without a prompt has no answer to score; give prompts with completions, or"
                  + " chats");
    };
  }

  private static Question ofChat(Conversation conversation, String place, boolean calls) {
    List<Message> messages = conversation.messages();
    int turn =
        IntStream.iterate(messages.size() - 1, i -> i > 0, i -> i - 1)
            .filter(i -> messages.get(i).isAssistant())
            .filter(i -> !calls || !messages.get(i).toolCalls().isEmpty())
            .findFirst()
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "a chat without an answer to score: no assistant "
                            + (calls ? "calls a tool" : "says anything")
                            + " after another message"));
    return new Question(
        place,
        messages.get(turn - 1).text(),
        Optional.of(conversation.first(turn)),
        messages.get(turn).text(),
        messages.get(turn).toolCalls());
  }
}

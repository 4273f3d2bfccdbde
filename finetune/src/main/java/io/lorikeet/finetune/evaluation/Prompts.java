package io.lorikeet.finetune.evaluation;

import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.finetune.scoring.Question;
import io.lorikeet.models.text.PromptTokens;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.models.text.template.ServedTemplate;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Makes tokens of prompts, exactly as training makes them.
final class Prompts {
  private final LlamaVocabulary vocabulary;
  private final TemplateSource templates;
  private final int contextLength;
  private Optional<ServedTemplate> template = Optional.empty();

  /// Gives the template for chats, when there are some.
  @FunctionalInterface
  interface TemplateSource {
    ChatTemplate get() throws IOException;
  }

  /// @param model whose vocabulary and longest text count
  Prompts(LlamaModel model, TemplateSource templates) {
    this.vocabulary = model.vocabulary();
    this.templates = templates;
    this.contextLength = model.contextLength();
  }

  /// The tokens of each question's prompt.
  ///
  /// @throws InvalidInputException with all questions that can't be asked
  List<int[]> of(List<Question> questions) throws IOException {
    List<int[]> prompts = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (Question question : questions) {
      try {
        int[] tokens = tokens(question);
        if (tokens.length == 0 || tokens.length > contextLength) {
          throw new InvalidInputException(
              tokens.length == 0
                  ? "the prompt is empty, and this base begins no text by itself"
                  : "the prompt has %s tokens; the base was made for %s"
                      .formatted(tokens.length, contextLength));
        }
        prompts.add(tokens);
      } catch (InvalidInputException e) {
        problems.add(question.place() + ": " + e.getMessage());
      }
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          problems.size() + " of " + questions.size() + " questions can't be asked", problems);
    }
    return prompts;
  }

  private int[] tokens(Question question) throws IOException {
    if (question.chat().isPresent()) {
      if (template.isEmpty()) {
        template = Optional.of(ServedTemplate.of(templates.get(), Optional.empty(), vocabulary));
      }
      return PromptTokens.of(question.chat().get(), template.get(), vocabulary);
    }
    return PromptTokens.of(question.prompt(), vocabulary);
  }
}

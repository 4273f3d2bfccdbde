package io.lorikeet.finetune.evaluation;

import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.export.LlamaLogits;
import io.lorikeet.export.LogitsDifference;
import io.lorikeet.finetune.evaluation.TaskResult.AnswerPair;
import io.lorikeet.finetune.evaluation.TaskResult.Scored;
import io.lorikeet.finetune.serving.TemplateChoice;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.text.GreedyAnswers;
import io.lorikeet.models.text.GreedyAnswers.Answer;
import io.lorikeet.models.text.VocabularyHash;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// Lets llama.cpp answer the questions of tasks by a base, and by what training made of it: the
/// base with an adapter, or a merged file. Both get the same tokens.
///
/// @param base the base's file
/// @param adapter an adapter of this base
/// @param merged a model's file with the base's vocabulary, instead of an adapter
/// @param chatTemplate for chats: one of the base's, one of Lorikeet's, or a file; empty for that
///     which the adapter records, or the merged file has, or else the base's own
/// @param tokens tokens of an answer at most
/// @param threads CPU threads
/// @param seed of the bootstrap
public record Evaluation(
    Path base,
    Optional<Path> adapter,
    Optional<Path> merged,
    Optional<String> chatTemplate,
    int tokens,
    int threads,
    long seed) {
  private static final String END_OF_THINKING = "</think>";

  /// The same models, with other figures.
  Evaluation with(int otherTokens, long otherSeed) {
    return new Evaluation(base, adapter, merged, chatTemplate, otherTokens, threads, otherSeed);
  }

  /// Whether there is a model after training.
  public boolean compares() {
    return adapter.isPresent() || merged.isPresent();
  }

  /// Answers and scores the questions of all tasks.
  ///
  /// @param progress told how far it is
  /// @throws InvalidInputException when a file or a question can't be used
  public List<TaskResult> run(List<EvaluationTask> tasks, Consumer<String> progress)
      throws IOException {
    List<List<Answer>> before = new ArrayList<>();
    List<List<Answer>> after = new ArrayList<>();
    List<List<int[]>> prompts;
    try (LlamaModel model = ModelLoader.load(base, LlamaModel.Options.CPU)) {
      prompts = prompts(tasks, model);
      answer(model, Optional.empty(), "base", prompts, before, progress);
      if (adapter.isPresent()) {
        LlamaAdapter loaded = LlamaAdapter.load(model, adapter.get());
        answer(model, Optional.of(loaded), "adapter", prompts, after, progress);
      }
    }
    if (merged.isPresent()) {
      try (LlamaModel model = ModelLoader.load(merged.get(), LlamaModel.Options.CPU)) {
        answer(model, Optional.empty(), "merged file", prompts, after, progress);
      }
    }
    List<TaskResult> results = new ArrayList<>();
    for (int i = 0; i < tasks.size(); i++) {
      results.add(
          score(tasks.get(i), before.get(i), compares() ? after.get(i) : before.get(i), progress));
    }
    return results;
  }

  /// Whether chats can be written for the models.
  boolean hasTemplate() throws IOException {
    if (chatTemplate.isPresent()
        || adapter.isPresent() && AdapterFile.template(adapter.get()).isPresent()) {
      return true;
    }
    try (GgufFile after = GgufFile.openHeader(merged.orElse(base))) {
      return ChatTemplates.of(after.metadata(), "").own().isPresent();
    }
  }

  /// The mean Kullback-Leibler divergence of what training made from the base, over the tokens of
  /// texts, in nats.
  double divergence(List<String> texts, Consumer<String> progress) throws IOException {
    progress.accept("divergence from the base");
    try (LlamaModel before = ModelLoader.load(base, LlamaModel.Options.CPU);
        LlamaModel after = ModelLoader.load(merged.orElse(base), LlamaModel.Options.CPU)) {
      List<int[]> sequences =
          texts.stream()
              .map(text -> before.vocabulary().tokenize(text, true, false))
              .map(tokens -> Arrays.copyOf(tokens, Math.min(tokens.length, before.contextLength())))
              .filter(tokens -> tokens.length > 0)
              .toList();
      int longest = sequences.stream().mapToInt(tokens -> tokens.length).max().orElse(1);
      Optional<LlamaAdapter> loaded = adapter.map(file -> LlamaAdapter.load(after, file));
      LlamaContext contextBefore = LlamaContext.create(before, longest, longest, threads);
      LlamaContext contextAfter = LlamaContext.create(after, longest, longest, threads);
      return LogitsDifference.between(
              before.vocabulary().size(),
              sequences,
              new LlamaLogits(contextBefore, Optional.empty()),
              new LlamaLogits(contextAfter, loaded))
          .divergence();
    }
  }

  private void answer(
      LlamaModel model,
      Optional<LlamaAdapter> loaded,
      String who,
      List<List<int[]>> prompts,
      List<List<Answer>> answers,
      Consumer<String> progress) {
    GreedyAnswers answering = new GreedyAnswers(model, loaded, tokens, threads);
    for (List<int[]> ofTask : prompts) {
      answers.add(
          answering.of(
              ofTask,
              done -> progress.accept(who + ": " + done + " of " + ofTask.size() + " answers")));
    }
  }

  private List<List<int[]>> prompts(List<EvaluationTask> tasks, LlamaModel model)
      throws IOException {
    List<TrainedTemplate> trained = new ArrayList<>();
    try (GgufFile before = GgufFile.open(base);
        GgufFile after = GgufFile.open(merged.orElse(base))) {
      if (adapter.isPresent()) {
        AdapterFile.read(adapter.get(), before).template().ifPresent(trained::add);
      }
      String vocabulary = VocabularyHash.of(before.metadata());
      if (!vocabulary.equals(VocabularyHash.of(after.metadata()))) {
        throw new InvalidInputException(
            "%s has another vocabulary than %s; give the base that it was merged from"
                .formatted(after.path(), before.path()));
      }
      Prompts making = new Prompts(model, () -> TemplateChoice.of(after, chatTemplate, trained));
      List<List<int[]>> prompts = new ArrayList<>();
      for (EvaluationTask task : tasks) {
        prompts.add(
            making.of(task.items().stream().map(EvaluationTask.TaskItem::question).toList()));
      }
      return prompts;
    }
  }

  private TaskResult score(
      EvaluationTask task, List<Answer> before, List<Answer> after, Consumer<String> progress) {
    List<AnswerPair> outcomes = new ArrayList<>();
    for (int i = 0; i < task.items().size(); i++) {
      EvaluationTask.TaskItem item = task.items().get(i);
      outcomes.add(
          new AnswerPair(item.question(), scored(item, before.get(i)), scored(item, after.get(i))));
      progress.accept("scoring: " + (i + 1) + " of " + task.items().size());
    }
    return new TaskResult(task.name(), outcomes, compares(), seed);
  }

  private static Scored scored(EvaluationTask.TaskItem item, Answer answer) {
    String text = answer.text();
    int thoughts = text.lastIndexOf(END_OF_THINKING);
    String said = thoughts < 0 ? text : text.substring(thoughts + END_OF_THINKING.length());
    return new Scored(answer, item.scorer().score(item.question(), said));
  }
}

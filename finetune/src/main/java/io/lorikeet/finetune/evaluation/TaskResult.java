package io.lorikeet.finetune.evaluation;

import io.lorikeet.finetune.scoring.Question;
import io.lorikeet.finetune.scoring.Score;
import io.lorikeet.models.text.GreedyAnswers.Answer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/// A task's answers and scores, before training and after.
///
/// @param name of the task
/// @param outcomes in the task's order, at least one
/// @param after whether there is a model after training, too
/// @param seed of the bootstrap
public record TaskResult(String name, List<AnswerPair> outcomes, boolean after, long seed) {
  public TaskResult {
    outcomes = List.copyOf(outcomes);
  }

  /// An answer and its score.
  public record Scored(Answer answer, Score score) {}

  /// The answers to one question.
  ///
  /// @param after the base's too, where there is nothing else
  public record AnswerPair(Question question, Scored before, Scored after) {
    double change() {
      return after.score().value() - before.score().value();
    }
  }

  /// The base's mean score, from 0 to 1.
  public double scoreBefore() {
    return mean(outcome -> outcome.before().score().value());
  }

  /// The mean score after training.
  public double scoreAfter() {
    return mean(outcome -> outcome.after().score().value());
  }

  private double mean(ToDoubleFunction<AnswerPair> score) {
    return outcomes.stream().mapToDouble(score).average().orElseThrow();
  }

  /// The change by training.
  public PairedDifference difference() {
    return PairedDifference.of(
        outcomes.stream().mapToDouble(outcome -> outcome.before().score().value()).toArray(),
        outcomes.stream().mapToDouble(outcome -> outcome.after().score().value()).toArray(),
        seed);
  }

  /// Questions that are answered better after training.
  public List<AnswerPair> wins() {
    return outcomes.stream().filter(outcome -> outcome.change() > 0).toList();
  }

  /// Questions that are answered worse.
  public List<AnswerPair> losses() {
    return outcomes.stream().filter(outcome -> outcome.change() < 0).toList();
  }

  /// The reasons for which scorers couldn't tell, and how often.
  public Map<String, Integer> failures() {
    Map<String, Integer> failures = new LinkedHashMap<>();
    for (AnswerPair outcome : outcomes) {
      List<Scored> scored =
          after ? List.of(outcome.before(), outcome.after()) : List.of(outcome.before());
      scored.stream()
          .map(one -> one.score().failure())
          .flatMap(Optional::stream)
          .forEach(why -> failures.merge(why, 1, Integer::sum));
    }
    return failures;
  }

  /// The result as JSON.
  public Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("task", name);
    json.put("questions", outcomes.size());
    json.put("before", scoreBefore());
    if (after) {
      PairedDifference difference = difference();
      json.put("after", scoreAfter());
      json.put("difference", difference.mean());
      json.put("interval", List.of(difference.lower(), difference.upper()));
      json.put("seed", seed);
      json.put("wins", wins().size());
      json.put("losses", losses().size());
    }
    json.put("scoring_failures", failures());
    List<Object> answers = new ArrayList<>();
    for (AnswerPair outcome : outcomes) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("place", outcome.question().place());
      one.put("prompt", outcome.question().prompt());
      one.put("reference", outcome.question().reference());
      one.put("before", json(outcome.before()));
      if (after) {
        one.put("after", json(outcome.after()));
      }
      answers.add(one);
    }
    json.put("answers", answers);
    return json;
  }

  private static Map<String, Object> json(Scored scored) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("text", scored.answer().text());
    json.put("tokens", scored.answer().tokens());
    json.put("ended", scored.answer().ended());
    json.put("score", scored.score().value());
    scored.score().failure().ifPresent(why -> json.put("failure", why));
    return json;
  }
}

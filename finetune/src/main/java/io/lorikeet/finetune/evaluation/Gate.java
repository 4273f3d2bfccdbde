package io.lorikeet.finetune.evaluation;

import io.lorikeet.finetune.scoring.ScorerChoice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The conditions under which an adapter, or a merged file, is shipped.
///
/// @param file where they stand
/// @param improve tasks that must become better, each with its interval above 0
/// @param keep tasks that may become worse by no more than their margins
/// @param divergence the largest Kullback-Leibler divergence from the base on neutral texts, in
///     nats for each token
/// @param json how much the share of valid JSON may fall, from 0 to 1
/// @param toolCalls how much the share of answers with a tool call may fall
/// @param length how many times longer or shorter answers to neutral prompts may be
/// @param repetition how much the share of repeated words may grow
/// @param echo lines that answers to neutral prompts shouldn't repeat
/// @param tokens tokens of an answer at most
/// @param seed of neutral texts and intervals
public record Gate(
    Path file,
    List<Rule> improve,
    List<Rule> keep,
    Optional<Double> divergence,
    Optional<Double> json,
    Optional<Double> toolCalls,
    Optional<Double> length,
    Optional<Double> repetition,
    Optional<Echo> echo,
    int tokens,
    long seed) {
  public Gate {
    improve = List.copyOf(improve);
    keep = List.copyOf(keep);
  }

  /// The condition for a task.
  ///
  /// @param tasks its file
  /// @param scorer a scorer's name
  /// @param margin how much its score may fall, from 0 to 1
  public record Rule(Path tasks, Optional<String> scorer, double margin) {}

  /// The condition for echoes.
  ///
  /// @param data file of training lines
  /// @param margin how much the share of answers that repeat one may grow, from 0 to 1
  public record Echo(Path data, double margin) {}

  /// All files that are read with it.
  List<Path> inputs() {
    List<Path> inputs = new ArrayList<>(List.of(file, neutralFile()));
    Stream.of(improve, keep)
        .flatMap(List::stream)
        .forEach(
            rule -> {
              inputs.add(rule.tasks());
              rule.scorer().flatMap(ScorerChoice::file).ifPresent(inputs::add);
            });
    echo.ifPresent(lines -> inputs.add(lines.data()));
    return inputs;
  }

  /// Where the base's neutral texts are kept: beside the gate.
  Path neutralFile() {
    String name = file.getFileName().toString().replaceFirst("(?i)\\.ya?ml$", "");
    return file.resolveSibling(name + ".neutral.json");
  }

  /// Whether neutral texts are needed.
  boolean needsNeutralTexts() {
    return divergence.isPresent()
        || length.isPresent()
        || repetition.isPresent()
        || echo.isPresent();
  }
}

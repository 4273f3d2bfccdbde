package io.lorikeet.train.event;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/// An event of a training run; listeners get all of them in their order.
public sealed interface TrainingEvent {

  /// A sentence a person should read: what was counted, cut, chosen.
  record Note(String text) implements TrainingEvent {}

  /// A sentence a person should act on.
  record Warning(String text) implements TrainingEvent {}

  /// Chats were among the examples: they were written with the chat template.
  record ChatsRead(int count) implements TrainingEvent {}

  /// Slow work before or after the steps, such as uploading weights.
  ///
  /// @param task the work in words, such as "uploading weights"
  /// @param done units done
  /// @param total units in all
  record Progress(String task, long done, long total) implements TrainingEvent {}

  /// The first step is about to begin.
  ///
  /// @param steps optimizer steps in all
  /// @param done steps that are done already; 0 unless the run was resumed
  /// @param trainableParameters parameters of A and B
  /// @param totalParameters parameters of the base, and of A and B
  record Started(int steps, int done, long trainableParameters, long totalParameters)
      implements TrainingEvent {}

  /// An optimizer step is done.
  ///
  /// @param step number of the step, from 1
  /// @param steps steps in all
  /// @param epoch epochs done, with their fraction
  /// @param loss mean loss per target token, in nats; of preferences per pair or answer
  /// @param learningRate rate this step was taken with
  /// @param gradientNorm global norm before clipping
  /// @param targetTokens tokens with loss
  /// @param tokens tokens computed, padding excluded
  /// @param seconds time of the step
  /// @param divergence from the base, mean over the step's neutral tokens, in nats; empty where
  ///     training isn't held to it
  /// @param figures further means over the step, by their keys in the metrics
  record StepDone(
      int step,
      int steps,
      double epoch,
      double loss,
      double learningRate,
      double gradientNorm,
      long targetTokens,
      long tokens,
      double seconds,
      OptionalDouble divergence,
      Map<String, Double> figures)
      implements TrainingEvent {

    public double tokensPerSecond() {
      return tokens / seconds;
    }
  }

  /// A step was left out because its numbers can't be used.
  ///
  /// @param step number of the step, from 1
  /// @param steps steps in all
  /// @param epoch epochs done, with their fraction
  /// @param kind the problem in two or three words
  /// @param message the problem, with the lines of data
  /// @param skippedSteps steps left out so far, this one included
  /// @param rolledBackTo the step whose state was taken back; empty where the state stayed
  record StepSkipped(
      int step,
      int steps,
      double epoch,
      String kind,
      String message,
      int skippedSteps,
      OptionalInt rolledBackTo)
      implements TrainingEvent {}

  /// The validation data was measured.
  ///
  /// @param step steps done; 0 for the base
  /// @param epoch epochs done, with their fraction
  /// @param loss mean loss per target token, in nats; of preferences per pair or answer
  /// @param targetTokens tokens with loss
  /// @param seconds time it took
  /// @param figures further means, by their keys in the metrics
  record Evaluated(
      int step,
      double epoch,
      double loss,
      long targetTokens,
      double seconds,
      Map<String, Double> figures)
      implements TrainingEvent {}

  /// An adapter is being held against the gate.
  ///
  /// @param work how far that is, in words
  record Judging(String work) implements TrainingEvent {}

  /// An adapter was held against the gate.
  ///
  /// @param step steps that it was trained
  /// @param checks one for each condition
  record Judged(int step, List<Check> checks) implements TrainingEvent {
    /// Whether it passes all.
    public boolean passes() {
      return checks.stream().allMatch(Check::passed);
    }
  }

  /// A condition of a gate.
  ///
  /// @param name its subject
  /// @param required the condition in words
  /// @param measured the figure that was found
  record Check(String name, String required, String measured, boolean passed) {}

  /// The run's prompts were answered with the adapter as it stands.
  ///
  /// @param step steps done; 0 for the base
  /// @param answers one for each prompt, in their order
  /// @param seconds time it took
  record Sampled(int step, List<SampleAnswer> answers, double seconds) implements TrainingEvent {
    /// @param tokens tokens of the answer
    /// @param ended whether the model ended it itself, rather than being cut off
    public record SampleAnswer(String prompt, String text, int tokens, boolean ended) {}

    /// Tokens of all answers.
    public long tokens() {
      return answers.stream().mapToLong(SampleAnswer::tokens).sum();
    }
  }

  /// All steps are done. Their adapter is written and proven now, which is no longer stopped by
  /// asking.
  ///
  /// @param steps optimizer steps done
  record Trained(int steps) implements TrainingEvent {}

  /// The adapter is written.
  record AdapterSaved(Path file) implements TrainingEvent {}

  /// The adapter with the lowest validation loss is written.
  ///
  /// @param step steps that it was trained
  /// @param loss its validation loss, in nats per target token
  record BestSaved(Path file, int step, double loss) implements TrainingEvent {}

  /// llama.cpp is about to compute with the adapter's file, for the proof.
  record Proving() implements TrainingEvent {}
}

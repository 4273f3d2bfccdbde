package io.lorikeet.train.event;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// Events of a run for Java's Flight Recorder: steps, validations, checkpoints, answers to samples
/// and waits for the device, each with its duration. They cost nothing while nobody records.
///
/// Call `begin` before the work, and the event's own method after it.
public final class FlightEvents {
  private static final String NATS = "nats per target token";

  private FlightEvents() {}

  /// An optimizer step.
  @Name("lorikeet.Step")
  @Label("Training Step")
  @Category("Lorikeet")
  @StackTrace(false)
  public static final class StepEvent extends Event {
    @Label("Step")
    int step;

    @Label("Loss")
    @Description(NATS)
    double loss;

    @Label("Learning Rate")
    double learningRate;

    @Label("Gradient Norm")
    @Description("of all gradients, before clipping")
    double gradientNorm;

    @Label("Tokens")
    @Description("tokens computed, padding excluded")
    long tokens;

    /// Nothing is measured yet.
    public StepEvent() {}

    /// The step was taken.
    public void taken(TrainingEvent.StepDone done) {
      step = done.step();
      loss = done.loss();
      learningRate = done.learningRate();
      gradientNorm = done.gradientNorm();
      tokens = done.tokens();
      commit();
    }
  }

  /// A measurement of the validation data.
  @Name("lorikeet.Validation")
  @Label("Validation")
  @Category("Lorikeet")
  @StackTrace(false)
  public static final class ValidationEvent extends Event {
    @Label("Step")
    @Description("steps done")
    int step;

    @Label("Loss")
    @Description(NATS)
    double loss;

    @Label("Tokens")
    @Description("tokens with loss")
    long tokens;

    /// Nothing is measured yet.
    public ValidationEvent() {}

    /// The data was measured.
    public void measured(TrainingEvent.Evaluated evaluated) {
      step = evaluated.step();
      loss = evaluated.loss();
      tokens = evaluated.targetTokens();
      commit();
    }
  }

  /// A checkpoint that is written beside the training.
  @Name("lorikeet.Checkpoint")
  @Label("Checkpoint")
  @Category("Lorikeet")
  @StackTrace(false)
  public static final class CheckpointEvent extends Event {
    @Label("Step")
    @Description("steps done")
    int step;

    @Label("Size")
    @DataAmount
    long bytes;

    /// Nothing is measured yet.
    public CheckpointEvent() {}

    /// It is on the disk.
    ///
    /// @param bytesOfFile its size
    public void written(int steps, long bytesOfFile) {
      step = steps;
      bytes = bytesOfFile;
      commit();
    }
  }

  /// Answers to the run's prompts.
  @Name("lorikeet.Samples")
  @Label("Answers to Samples")
  @Category("Lorikeet")
  @StackTrace(false)
  public static final class SamplesEvent extends Event {
    @Label("Step")
    @Description("steps done")
    int step;

    @Label("Tokens")
    @Description("tokens of all answers")
    long tokens;

    /// Nothing is measured yet.
    public SamplesEvent() {}

    /// They are there.
    public void answered(TrainingEvent.Sampled sampled) {
      step = sampled.step();
      tokens = sampled.tokens();
      commit();
    }
  }

  /// A wait of the host for what the device was asked for, until a step's losses are there.
  @Name("lorikeet.DeviceWait")
  @Label("Wait for the Device")
  @Category("Lorikeet")
  @StackTrace(false)
  public static final class DeviceWaitEvent extends Event {
    @Label("Step")
    int step;

    /// Nothing is measured yet.
    public DeviceWaitEvent() {}

    /// It is over.
    public void over(int number) {
      step = number;
      commit();
    }
  }
}

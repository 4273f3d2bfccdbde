package io.lorikeet.finetune.sweep;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.PathParts;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.loop.Trainer;
import io.lorikeet.train.optimizer.UnusableStepException;
import io.lorikeet.train.run.StoppedException;
import io.lorikeet.train.settings.LearningRateSchedule;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/// A range test of learning rates: the run's first steps, at rates that rise by the same factor
/// from step to step. It ends where the loss has risen clearly. Nothing of it is kept.
///
/// The rule: the smoothed loss is an exponential moving average with a decay of 0.9, corrected at
/// its beginning. The suggestion is [#SAFETY] times the rate where it is lowest, rounded to two
/// digits.
/// There is none where the smoothed loss hasn't fallen by 1 % of its first value.
///
/// @param rates of the steps, ascending
/// @param losses smoothed, in nats per target token
public record RateTest(List<Double> rates, List<Double> losses) {
  /// Steps at most.
  public static final int STEPS = 100;

  static final double LOWEST = 1e-6;
  static final double HIGHEST = 1e-1;
  private static final double DECAY = 0.9;

  /// The share of the rate at the lowest loss that is suggested: there the loss is about to rise.
  static final double SAFETY = 0.2;

  /// It ends at a smoothed loss of so many times the lowest one.
  private static final double RISEN = 1.5;

  private static final double LEAST_FALL = 0.01;

  /// Takes the steps.
  ///
  /// @param options of a training run
  /// @param stop asks it to stop
  /// @throws StoppedException when it was asked to stop
  /// @throws InvalidInputException when no run can begin with these options
  public static RateTest run(TrainingOptions options, StopRequest stop, TrainingListener listener)
      throws IOException {
    Path beside = options.get(Settings.OUTPUT).orElse(Path.of("adapter.gguf")).toAbsolutePath();
    Path parent = PathParts.folder(beside);
    if (!Files.isDirectory(parent)) {
      throw new InvalidInputException("output: there is no folder " + parent);
    }
    Path folder = Files.createTempDirectory(parent, ".learning-rates");
    try {
      TrainingOptions own =
          new TrainingOptions()
              .output(folder.resolve("adapter.gguf"))
              .set(Settings.RUN, folder.resolve("run"))
              .set(Settings.SAMPLE, List.of())
              .set(Settings.ON_NAN, RunPolicy.OnNan.STOP);
      return run(own.orElse(options).resolve(), stop, listener);
    } finally {
      delete(folder);
    }
  }

  private static RateTest run(TrainingConfig config, StopRequest stop, TrainingListener listener)
      throws IOException {
    RateTest test = new RateTest(new ArrayList<>(), new ArrayList<>());
    StopRequest enough = new StopRequest();
    SmoothedLoss average = new SmoothedLoss();
    TrainingListener watching =
        event -> {
          listener.on(event);
          if (event instanceof TrainingEvent.StepDone step) {
            test.rates.add(step.learningRate());
            test.losses.add(average.with(step.loss()));
            if (stop.isMade() || test.hasRisen()) {
              enough.make();
            }
          }
        };
    try {
      new Trainer(config, watching)
          .stopOn(enough)
          .trial(STEPS, new LearningRateSchedule.Rising(LOWEST, HIGHEST))
          .run();
    } catch (StoppedException e) {
      if (!test.hasRisen()) {
        throw StoppedException.beforeTheFirstStep(); // nothing is kept
      }
    } catch (UnusableStepException _) {
      // the loss or the gradient has risen beyond all bounds
    }
    return test;
  }

  /// The exponential moving average, with weights as Adam corrects them.
  private static final class SmoothedLoss {
    private double sum;
    private double weight;

    double with(double value) {
      sum = DECAY * sum + (1 - DECAY) * value;
      weight = DECAY * weight + (1 - DECAY);
      return sum / weight;
    }
  }

  private boolean hasRisen() {
    return !losses.isEmpty() && losses.getLast() > RISEN * losses.get(lowest());
  }

  private int lowest() {
    int lowest = 0;
    for (int i = 1; i < losses.size(); i++) {
      lowest = losses.get(i) < losses.get(lowest) ? i : lowest;
    }
    return lowest;
  }

  /// A rate to train with; empty where the losses don't tell one.
  public OptionalDouble suggestion() {
    if (losses.isEmpty() || losses.get(lowest()) > (1 - LEAST_FALL) * losses.getFirst()) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(rounded(SAFETY * rates.get(lowest())));
  }

  /// The rate where the smoothed loss is lowest.
  public double bestRate() {
    return rates.get(lowest());
  }

  /// The lowest smoothed loss.
  public double bestLoss() {
    return losses.get(lowest());
  }

  /// The highest smoothed loss.
  public double highestLoss() {
    return losses.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
  }

  /// To two digits.
  private static double rounded(double rate) {
    return Double.parseDouble(String.format(Locale.ROOT, "%.1e", rate));
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}

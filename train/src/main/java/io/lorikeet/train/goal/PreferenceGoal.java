package io.lorikeet.train.goal;

import io.lorikeet.models.architecture.Objective;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.train.data.Judgement;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.goal.PreferenceLoss.JudgedAnswer;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.PreferenceSettings;
import java.util.List;
import java.util.Optional;

/// Learning from preferences: the mean of a method's loss over pairs, or over answers.
public final class PreferenceGoal implements Goal {
  private final PreferenceSettings settings;
  private final PreferenceLoss loss;
  private final double[] reference;
  private final Optional<Mismatches.Measured> mismatches;

  /// @param reference log probability of each answer of the data set by its number; empty where the
  ///     method has no reference
  /// @param mismatches those on which KTO measures the distance from the reference; empty for the
  ///     others
  public PreferenceGoal(
      PreferenceSettings settings, double[] reference, Optional<Mismatches.Measured> mismatches) {
    this.settings = settings;
    this.reference = reference;
    this.mismatches = mismatches;
    loss = new PreferenceLoss(settings);
  }

  @Override
  public double count(MicroBatch batch) {
    int answers = batch.numbers().size();
    return settings.method().takesPairs() ? answers / 2 : answers;
  }

  @Override
  public Round begin(TransformerModel model, List<MicroBatch> batches) {
    return new Measuring(mismatches.map(some -> some.distance(model, batches)).orElse(0.0));
  }

  private final class Measuring implements Round {
    private final double distance;
    private final PreferenceFigures figures = new PreferenceFigures();
    private double sum;
    private double all;

    Measuring(double distance) {
      this.distance = distance;
    }

    @Override
    public Objective objective(MicroBatch batch) {
      return (Objective.OfLosses)
          losses -> {
            double[] slopes = new Measuring(distance).measure(batch, losses);
            float[] derivatives = new float[losses.length];
            double[] summed = new double[losses.length];
            batch.forEachTarget((example, _, place) -> summed[place] -= slopes[example]);
            for (int i = 0; i < summed.length; i++) {
              derivatives[i] = (float) summed[i];
            }
            return derivatives;
          };
    }

    @Override
    public void add(MicroBatch batch, float[] losses) {
      measure(batch, losses);
    }

    /// @return the derivative of the batch's summed losses by each answer's log probability
    private double[] measure(MicroBatch batch, float[] losses) {
      List<TokenizedExample> examples = batch.examples();
      List<Integer> numbers = batch.numbers();
      double[] summed = batch.exampleLosses(losses);
      JudgedAnswer[] answers = new JudgedAnswer[summed.length];
      for (int i = 0; i < answers.length; i++) {
        double compared = reference.length == 0 ? 0 : reference[numbers.get(i)];
        answers[i] = new JudgedAnswer(-summed[i], compared, examples.get(i).targets());
        boolean wanted = examples.get(i).judgement().isWanted();
        figures.add(answers[i], loss.reward(answers[i]), wanted, reference.length > 0);
      }
      all += count(batch);
      return settings.method() == Method.KTO ? alone(examples, answers) : pairs(examples, answers);
    }

    /// Both answers of a pair stand in one row, one after the other, whichever comes first.
    private double[] pairs(List<TokenizedExample> examples, JudgedAnswer[] answers) {
      double[] slopes = new double[answers.length];
      for (int i = 0; i < answers.length; i += 2) {
        int chosen = examples.get(i).judgement() == Judgement.CHOSEN ? i : i + 1;
        int rejected = 2 * i + 1 - chosen;
        PreferenceLoss.OfPair pair = loss.of(answers[chosen], answers[rejected]);
        slopes[chosen] = pair.byChosen();
        slopes[rejected] = pair.byRejected();
        figures.judged(loss.reward(answers[chosen]) > loss.reward(answers[rejected]));
        sum += pair.loss();
      }
      return slopes;
    }

    private double[] alone(List<TokenizedExample> examples, JudgedAnswer[] answers) {
      double[] slopes = new double[answers.length];
      for (int i = 0; i < answers.length; i++) {
        boolean good = examples.get(i).judgement().isWanted();
        PreferenceLoss.OfAnswer answer = loss.of(answers[i], good, distance);
        slopes[i] = answer.byAnswer();
        double above = loss.reward(answers[i]) - settings.beta() * distance;
        figures.judged(good ? above > 0 : above < 0);
        sum += answer.loss();
      }
      return slopes;
    }

    @Override
    public GoalResult result() {
      return new GoalResult(sum, all, figures.values());
    }
  }
}

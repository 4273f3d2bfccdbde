package io.lorikeet.train.goal;

import io.lorikeet.models.architecture.Objective;
import io.lorikeet.models.architecture.TextEmbedding;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.train.data.Judgement;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.TokenizedExample;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Learning embeddings: the mean of [InfoNce] over pairs of a query and its passage. The texts of a
/// micro-batch are compared with each other, and with no others.
///
/// A validation also ranks, for each query, all the passages and negatives that it has measured.
///
/// @param temperature cosines are divided by it
public record ContrastiveGoal(TextEmbedding embedding, double temperature) implements Goal {

  @Override
  public double count(MicroBatch batch) {
    return batch.examples().stream()
        .filter(example -> example.judgement() == Judgement.PASSAGE)
        .count();
  }

  @Override
  public Round begin(TransformerModel model, List<MicroBatch> batches) {
    return new Measuring();
  }

  /// The places of each text of a batch, without the padding.
  private static List<int[]> places(MicroBatch batch) {
    List<TokenizedExample> examples = batch.examples();
    int[][] places = new int[examples.size()][];
    batch.forEachTarget( // rows aren't shared, so a text's places end with its loss
        (example, _, last) -> {
          int length = examples.get(example).places();
          places[example] = new int[length];
          for (int i = 0; i < length; i++) {
            places[example][i] = last - length + 1 + i;
          }
        });
    return List.of(places);
  }

  private final class Measuring implements Round {
    private final List<TokenizedExample> measured = new ArrayList<>();
    private final List<double[]> embeddings = new ArrayList<>();
    private double sum;
    private double count;

    @Override
    public Objective objective(MicroBatch batch) {
      return (Objective.OfHidden) hidden -> losses(batch, hidden, embedded(batch, hidden));
    }

    @Override
    public float[] losses(TransformerModel model, MicroBatch batch) {
      float[] hidden = model.lastHidden(batch.tokens());
      List<double[]> ofBatch = embedded(batch, hidden);
      measured.addAll(batch.examples());
      embeddings.addAll(ofBatch);
      return losses(batch, hidden, ofBatch).losses();
    }

    private List<double[]> embedded(MicroBatch batch, float[] hidden) {
      return places(batch).stream().map(places -> embedding.of(hidden, places)).toList();
    }

    private Objective.HiddenLosses losses(
        MicroBatch batch, float[] hidden, List<double[]> ofBatch) {
      InfoNce compared = new InfoNce(batch.examples());
      InfoNce.Losses result = compared.of(ofBatch, temperature);
      List<int[]> places = places(batch);
      float[] losses = new float[batch.tokens().size()];
      for (int i = 0; i < result.losses().length; i++) {
        int[] passage = places.get(compared.pairs().get(i).passage());
        losses[passage[passage.length - 1]] = (float) result.losses()[i];
      }
      float[] gradient = new float[hidden.length];
      for (int i = 0; i < places.size(); i++) {
        embedding.backward(hidden, places.get(i), result.gradients()[i], gradient);
      }
      return new Objective.HiddenLosses(losses, gradient);
    }

    @Override
    public void add(MicroBatch batch, float[] losses) {
      sum += batch.loss(losses);
      count += count(batch);
    }

    @Override
    public GoalResult result() {
      Map<String, Double> figures = new LinkedHashMap<>();
      if (!measured.isEmpty()) {
        int[] ranks = new InfoNce(measured).ranks(embeddings);
        double first = 0;
        double reciprocal = 0;
        for (int rank : ranks) {
          first += rank == 1 ? 1 : 0;
          reciprocal += 1.0 / rank;
        }
        figures.put("recall_at_1", first / ranks.length);
        figures.put("mrr", reciprocal / ranks.length);
      }
      return new GoalResult(sum, count, figures);
    }
  }
}

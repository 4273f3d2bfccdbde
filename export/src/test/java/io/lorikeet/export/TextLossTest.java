package io.lorikeet.export;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class TextLossTest {

  /// Predicts token t + 1 after token t with a probability of one half.
  private static final LogitsSource COUNTING =
      (tokens, consumer) -> {
        for (int position = 0; position < tokens.length; position++) {
          float[] logits = new float[5];
          logits[tokens[position] + 1] = (float) Math.log(4); // against four of weight 1
          consumer.accept(position, logits);
        }
      };

  @Test
  void meanOverTheTokensAfterThePrompt() {
    TextLoss loss = new TextLoss();
    loss.add(COUNTING, new int[] {0, 1, 2}, new float[] {0, 1, 1});
    loss.add(COUNTING, new int[] {3, 0, 1}, new float[] {0, 0, 1});
    assertEquals(3, loss.targets());
    assertEquals(Math.log(2), loss.mean(), 1e-6);
  }

  @Test
  void whatIsNotPredictedCosts() {
    TextLoss loss = new TextLoss();
    loss.add(COUNTING, new int[] {0, 3}, new float[] {0, 1});
    assertEquals(Math.log(8), loss.mean(), 1e-6);
  }
}

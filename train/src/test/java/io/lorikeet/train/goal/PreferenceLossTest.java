package io.lorikeet.train.goal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.train.goal.PreferenceLoss.JudgedAnswer;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.PreferenceSettings;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The losses against cases worked by hand from the papers' equations, against differences, and
/// against TRL's trainers (`trl_losses.py` says how).
class PreferenceLossTest {
  private static PreferenceSettings settings(Method method, double beta) {
    return new PreferenceSettings(method, beta, 0, 0, 0, 1, 1);
  }

  private static JudgedAnswer answer(double logp, double reference, int tokens) {
    return new JudgedAnswer(logp, reference, tokens);
  }

  /// -log σ(0.5 · ((-10 + 12) - (-9 + 8))) = log(1 + exp(-1.5)).
  @Test
  void dpoByHand() {
    PreferenceLoss loss = new PreferenceLoss(settings(Method.DPO, 0.5));
    PreferenceLoss.OfPair pair = loss.of(answer(-10, -12, 4), answer(-9, -8, 7));
    assertEquals(0.20141327798275246, pair.loss(), 1e-15);
    assertEquals(-0.5 * 0.18242552380635635, pair.byChosen(), 1e-15);
    assertEquals(0.5 * 0.18242552380635635, pair.byRejected(), 1e-15);
    assertEquals(1, loss.reward(answer(-10, -12, 4)));
  }

  /// Equal to the reference: log 2.
  @Test
  void atTheReferenceItIsTheLogarithmOfTwo() {
    PreferenceLoss loss = new PreferenceLoss(settings(Method.DPO, 0.1));
    assertEquals(Math.log(2), loss.of(answer(-3, -3, 2), answer(-8, -8, 5)).loss(), 1e-15);
    PreferenceLoss ipo = new PreferenceLoss(settings(Method.IPO, 0.1));
    assertEquals(25, ipo.of(answer(-3, -3, 2), answer(-8, -8, 5)).loss(), 1e-13);
    PreferenceLoss kto = new PreferenceLoss(settings(Method.KTO, 0.1));
    assertEquals(0.5, kto.of(answer(-3, -3, 2), true, 0).loss(), 1e-15);
    assertEquals(0.5, kto.of(answer(-3, -3, 2), false, 0).loss(), 1e-15);
  }

  /// ((2 / 4 + 1 / 5) - 1 / (2 · 0.5))² = 0.3² and its derivatives -0.6 / 4, 0.6 / 5.
  @Test
  void ipoByHand() {
    PreferenceLoss.OfPair pair =
        new PreferenceLoss(settings(Method.IPO, 0.5)).of(answer(-10, -12, 4), answer(-9, -8, 5));
    assertEquals(0.09, pair.loss(), 1e-15);
    assertEquals(-0.15, pair.byChosen(), 1e-15);
    assertEquals(0.12, pair.byRejected(), 1e-15);
  }

  /// -log σ(2 · (-1 + 1.5) - 1) = log 2.
  @Test
  void simpoByHand() {
    PreferenceSettings settings = new PreferenceSettings(Method.SIMPO, 2, 0, 0, 1, 0, 0);
    PreferenceLoss.OfPair pair =
        new PreferenceLoss(settings).of(answer(-4, 0, 4), answer(-12, 0, 8));
    assertEquals(Math.log(2), pair.loss(), 1e-15);
    assertEquals(-0.25, pair.byChosen(), 1e-15);
    assertEquals(0.125, pair.byRejected(), 1e-15);
  }

  /// Probabilities 1/2 and 1/4 of a token: odds 1 and 1/3, whose ratio is 3; and -log(3/4) of it.
  @Test
  void orpoByHand() {
    PreferenceSettings settings = new PreferenceSettings(Method.ORPO, 0.2, 0, 1, 0, 0, 0);
    PreferenceLoss.OfPair pair =
        new PreferenceLoss(settings)
            .of(answer(3 * Math.log(0.5), 0, 3), answer(2 * Math.log(0.25), 0, 2));
    assertEquals(Math.log(2) + 0.2 * Math.log(4.0 / 3), pair.loss(), 1e-15);
    assertEquals((-0.2 * 0.25 * 2 - 1) / 3, pair.byChosen(), 1e-15);
    assertEquals(0.2 * 0.25 * (4.0 / 3) / 2, pair.byRejected(), 1e-15);
  }

  /// σ(±0.5 · (2 - 1)): 0.62246 of the good answer, 0.37754 of the bad one.
  @Test
  void ktoByHand() {
    PreferenceSettings settings = new PreferenceSettings(Method.KTO, 0.5, 0, 0, 0, 2, 3);
    PreferenceLoss loss = new PreferenceLoss(settings);
    double kept = 0.6224593312018546;
    assertEquals(2 * (1 - kept), loss.of(answer(-4, -6, 3), true, 1).loss(), 1e-15);
    assertEquals(3 * kept, loss.of(answer(-4, -6, 3), false, 1).loss(), 1e-15);
    assertEquals(
        -2 * 0.5 * kept * (1 - kept), loss.of(answer(-4, -6, 3), true, 1).byAnswer(), 1e-15);
    assertEquals(
        3 * 0.5 * kept * (1 - kept), loss.of(answer(-4, -6, 3), false, 1).byAnswer(), 1e-15);
  }

  @ParameterizedTest
  @EnumSource(value = Method.class, names = "CONTRASTIVE", mode = EnumSource.Mode.EXCLUDE)
  void derivativesAreThoseOfTheLoss(Method method) {
    SplittableRandom random = new SplittableRandom(method.ordinal());
    double step = 1e-5;
    for (int i = 0; i < 50; i++) {
      boolean smooths = method == Method.DPO || method == Method.SIMPO;
      PreferenceLoss loss =
          new PreferenceLoss(
              new PreferenceSettings(
                  method, 0.05 + random.nextDouble(), smooths ? 0.1 : 0, 0.3, 0, 1.5, 0.7));
      JudgedAnswer first = random(random);
      JudgedAnswer second = random(random);
      if (method == Method.KTO) {
        boolean good = i % 2 == 0;
        double slope =
            (loss.of(moved(first, step), good, 1).loss()
                    - loss.of(moved(first, -step), good, 1).loss())
                / (2 * step);
        assertEquals(slope, loss.of(first, good, 1).byAnswer(), 1e-8);
        continue;
      }
      PreferenceLoss.OfPair pair = loss.of(first, second);
      double byChosen =
          (loss.of(moved(first, step), second).loss() - loss.of(moved(first, -step), second).loss())
              / (2 * step);
      double byRejected =
          (loss.of(first, moved(second, step)).loss() - loss.of(first, moved(second, -step)).loss())
              / (2 * step);
      assertEquals(byChosen, pair.byChosen(), 1e-7 * (1 + Math.abs(byChosen)));
      assertEquals(byRejected, pair.byRejected(), 1e-7 * (1 + Math.abs(byRejected)));
    }
  }

  private static JudgedAnswer random(SplittableRandom random) {
    int tokens = 1 + random.nextInt(20);
    double logp = -tokens * (0.05 + 3 * random.nextDouble());
    return new JudgedAnswer(logp, logp + random.nextGaussian(), tokens);
  }

  private static JudgedAnswer moved(JudgedAnswer answer, double by) {
    return new JudgedAnswer(answer.logp() + by, answer.reference(), answer.tokens());
  }

  /// No answer is so likely or unlikely that a number is lost.
  @ParameterizedTest
  @EnumSource(
      value = Method.class,
      names = {"KTO", "CONTRASTIVE"},
      mode = EnumSource.Mode.EXCLUDE)
  void extremesAreFinite(Method method) {
    PreferenceLoss loss = new PreferenceLoss(new PreferenceSettings(method, 5, 0, 1, 0, 0, 0));
    for (double first : new double[] {0, -1e-12, -1e5}) {
      for (double second : new double[] {0, -1e-12, -1e5}) {
        PreferenceLoss.OfPair pair = loss.of(answer(first, -10, 3), answer(second, -10, 9));
        assertTrue(
            Double.isFinite(pair.loss())
                && Double.isFinite(pair.byChosen())
                && Double.isFinite(pair.byRejected()),
            pair.toString());
      }
    }
  }

  @Test
  void theyAreThoseOfTrl() throws IOException {
    JsonNode all;
    try (InputStream file = getClass().getResourceAsStream("trl_losses.json")) {
      all = new ObjectMapper().readTree(file);
    }
    assertEquals("1.13.0", all.get("trl").textValue());
    assertEquals(13, all.get("cases").size());
    for (JsonNode given : all.get("cases")) {
      // TRL's odds ratios are in float32.
      double bound = given.get("method").textValue().equals("orpo") ? 1e-6 : 1e-12;
      if (given.has("labels")) {
        checkAnswers(given, bound);
      } else {
        checkPair(given, bound);
      }
    }
  }

  private static PreferenceSettings settings(JsonNode given) {
    Method method = Method.valueOf(given.get("method").textValue().toUpperCase(Locale.ROOT));
    JsonNode named = given.get("settings");
    return new PreferenceSettings(
        method,
        named.get("beta").doubleValue(),
        named.path("label-smoothing").asDouble(),
        named.path("sft-weight").asDouble(method == Method.ORPO ? 1 : 0),
        named.path("gamma").asDouble(),
        named.path("desirable-weight").asDouble(),
        named.path("undesirable-weight").asDouble());
  }

  private static JudgedAnswer[] answers(JsonNode given) {
    return IntStream.range(0, given.get("tokens").size())
        .mapToObj(
            i ->
                answer(
                    given.get("logps").get(i).doubleValue(),
                    given.get("reference").get(i).doubleValue(),
                    given.get("tokens").get(i).intValue()))
        .toArray(JudgedAnswer[]::new);
  }

  private static void checkPair(JsonNode given, double bound) {
    PreferenceLoss loss = new PreferenceLoss(settings(given));
    JudgedAnswer[] answers = answers(given);
    PreferenceLoss.OfPair pair = loss.of(answers[0], answers[1]);
    assertClose(given.get("loss"), pair.loss(), bound);
    assertClose(given.get("derivatives").get(0), pair.byChosen(), bound);
    assertClose(given.get("derivatives").get(1), pair.byRejected(), bound);
    if (!given
        .get("method")
        .textValue()
        .equals("ipo")) { // whose rewards TRL takes of whole answers
      assertClose(given.get("rewards").get(0), loss.reward(answers[0]), bound);
      assertClose(given.get("rewards").get(1), loss.reward(answers[1]), bound);
    }
  }

  private static void checkAnswers(JsonNode given, double bound) {
    PreferenceLoss loss = new PreferenceLoss(settings(given));
    JudgedAnswer[] answers = answers(given);
    double distance = 0;
    for (int i = 0; i < answers.length; i++) {
      double mismatched = given.get("mismatched").get(i).doubleValue();
      distance +=
          (mismatched - given.get("mismatched_reference").get(i).doubleValue()) / answers.length;
    }
    double sum = 0;
    for (int i = 0; i < answers.length; i++) {
      boolean good = given.get("labels").get(i).booleanValue();
      PreferenceLoss.OfAnswer one = loss.of(answers[i], good, Math.max(0, distance));
      sum += one.loss();
      assertClose(given.get("derivatives").get(i), one.byAnswer() / answers.length, bound);
    }
    assertClose(given.get("loss"), sum / answers.length, bound);
  }

  private static void assertClose(JsonNode expected, double actual, double bound) {
    double right = expected.doubleValue();
    assertEquals(right, actual, bound * (1 + Math.abs(right)));
  }
}

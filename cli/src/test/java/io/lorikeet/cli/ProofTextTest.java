package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.export.AdapterRounding;
import io.lorikeet.export.EmbeddingAgreement;
import io.lorikeet.export.KindEffects;
import io.lorikeet.export.LogitsDifference;
import io.lorikeet.export.Verification;
import io.lorikeet.finetune.text.ProofText;
import io.lorikeet.models.architecture.Pooling;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProofTextTest {
  private static final LogitsDifference LARGE = new LogitsDifference(100, 4, 0.5, 0.1, 0.7);
  private static final LogitsDifference SMALL = new LogitsDifference(100, 0.04, 0.005, 1e-5, 0.99);
  private static final LogitsDifference NONE = new LogitsDifference(100, 0, 0, 0, 1);

  private static Verification measured(
      LogitsDifference effect, LogitsDifference unexplained, double difference, double rounding) {
    return new Verification(
        effect, effect, unexplained, SMALL, difference, rounding, Optional.empty());
  }

  private static Verification stored(AdapterRounding rounding) {
    return new Verification(LARGE, LARGE, SMALL, NONE, 0, 0, Optional.of(rounding));
  }

  @Test
  void kindsOfMatrices() {
    Verification verification =
        new Verification(
            LARGE,
            LARGE,
            SMALL,
            SMALL,
            0.002,
            0.03,
            Optional.empty(),
            new KindEffects(List.of("q", "v"), List.of("ssm_out")),
            Optional.empty());
    List<String> lines = ProofText.lines(verification);
    assertEquals("pairs that each change llama.cpp's logits: q, v", lines.get(5));
    assertEquals(
        "warning: pairs that change nothing in llama.cpp: ssm_out. They learned nothing, or"
            + " llama.cpp ignores them",
        lines.get(6));
  }

  /// Of an adapter for embeddings, these decide as well.
  @Test
  void embeddings() {
    EmbeddingAgreement same = new EmbeddingAgreement(Pooling.LAST, 88, 0.9999, 2e-5, 0.31);
    List<String> lines = ProofText.lines(withEmbeddings(same));
    assertEquals(
        "embeddings of 88 texts (last): cosine of llama.cpp's and the trainer's 0.999900 at least"
            + " (limit 0.999); mean distance 2.00e-05, of the adapter's change 3.10e-01",
        lines.get(5));
    assertTrue(lines.getLast().startsWith("verified: "), lines::toString);
    assertTrue(JsonText.of(withEmbeddings(same)).contains("\"least_cosine\" : 0.9999"));
    EmbeddingAgreement others = new EmbeddingAgreement(Pooling.MEAN, 88, 0.99, 2e-5, 0.31);
    assertEquals(
        "FAILED: llama.cpp's embeddings with the adapter aren't the trainer's",
        ProofText.lines(withEmbeddings(others)).getLast());
    EmbeddingAgreement unclear = new EmbeddingAgreement(Pooling.MEAN, 88, 0.9999, 2e-5, 1e-4);
    assertTrue(
        ProofText.lines(withEmbeddings(unclear))
            .getLast()
            .startsWith("inconclusive: the adapter changes embeddings too little"));
  }

  private static Verification withEmbeddings(EmbeddingAgreement agreement) {
    return new Verification(
        LARGE,
        LARGE,
        SMALL,
        SMALL,
        0.002,
        0.03,
        Optional.empty(),
        new KindEffects(List.of(), List.of()),
        Optional.of(agreement));
  }

  @Test
  void passed() {
    Verification verification = measured(LARGE, SMALL, 0.002, 0.03);
    List<String> lines = ProofText.lines(verification);
    assertEquals(
        "  between them with the adapter       0.0400   0.00500   1.00e-05       99.0 %",
        lines.get(3));
    assertEquals(
        "verified: llama.cpp does with the adapter what the trainer does; at the median of 100 tokens"
            + " they differ by 0.20 % of its effect (limit 0.30 %), and by 3.00 % from rounding",
        lines.getLast());
    assertExit(0, verification);
  }

  @Test
  void whatRoundingForTheFileDid() {
    Verification fine = stored(new AdapterRounding("blk.0.attn_q.weight", 0.006));
    List<String> lines = ProofText.lines(fine);
    assertEquals(
        "rounding for the file changes ΔW by at most 0.60 % (blk.0.attn_q.weight)",
        lines.get(lines.size() - 2));
    assertExit(0, fine);
    Verification failed = stored(new AdapterRounding("blk.0.attn_q.weight", 0.5));
    assertVerdict("FAILED: the file doesn't hold", failed);
    assertExit(1, failed);
  }

  @Test
  void failed() {
    for (double share : new double[] {0.0031, Double.POSITIVE_INFINITY, Double.NaN}) {
      Verification failed = measured(LARGE, LARGE, share, 0.03);
      assertVerdict("FAILED: llama.cpp doesn't do", failed);
      assertExit(1, failed);
    }
  }

  @Test
  void inconclusive() {
    Verification without = measured(NONE, SMALL, 0, Double.POSITIVE_INFINITY);
    assertVerdict("inconclusive: the adapter changes nothing", without);
    assertExit(3, without);
    Verification drowned = measured(SMALL, SMALL, 0, 0.35);
    assertVerdict("inconclusive: the adapter changes too little: rounding makes 35", drowned);
    assertExit(3, drowned);
    Verification tiny = measured(SMALL, SMALL, 0, Double.POSITIVE_INFINITY);
    assertVerdict("inconclusive: the adapter changes too little: rounding makes more", tiny);
    Verification uneven = measured(LARGE, LARGE, 0, 0);
    assertVerdict("inconclusive: at single tokens", uneven);
    assertExit(3, uneven);
  }

  private static void assertVerdict(String beginning, Verification verification) {
    String verdict = ProofText.lines(verification).getLast();
    assertTrue(verdict.startsWith(beginning), verdict);
  }

  private static void assertExit(int code, Verification verification) {
    assertEquals(code, ProofExitCode.exitCode(verification.verdict()));
  }
}

package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.export.AdapterRounding;
import io.lorikeet.export.LogitsDifference;
import io.lorikeet.export.Verification;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class VerificationReportTest {
  private static final LogitsDifference LARGE = new LogitsDifference(100, 4, 0.5, 0.1, 0.7);
  private static final LogitsDifference SMALL = new LogitsDifference(100, 0.04, 0.005, 1e-5, 0.99);
  private static final LogitsDifference NONE = new LogitsDifference(100, 0, 0, 0, 1);

  @Test
  void passed() {
    Verification verification =
        new Verification(LARGE, SMALL, 0.01, SMALL, Optional.empty(), Optional.empty());
    List<String> lines = VerificationReport.lines(verification);
    assertEquals(
        "  trainer with the adapter            0.0400   0.00500   1.00e-05       99.0 %",
        lines.get(2));
    assertTrue(lines.getLast().startsWith("verified: "), lines.getLast());
    assertTrue(lines.getLast().contains("1.00 % of its effect (limit 10.0 %)"), lines.getLast());
    assertEquals(0, VerificationReport.exitCode(verification));
  }

  @Test
  void passedButForRarePositions() {
    LogitsDifference some = new LogitsDifference(100, 2, 0.01, 1.7e-3, 0.99);
    Verification verification =
        new Verification(LARGE, some, 0.01, SMALL, Optional.empty(), Optional.empty());
    String verdict = VerificationReport.lines(verification).getLast();
    assertTrue(verdict.contains("over 95.0 % of 100 tokens they differ by 1.00 % of"), verdict);
    assertTrue(verdict.endsWith("rounded to another side, by 13.0 %"), verdict);
    assertEquals(0, VerificationReport.exitCode(verification));
  }

  @Test
  void whatRoundingForTheFileDid() {
    AdapterRounding little = new AdapterRounding("blk.0.attn_q.weight", 0.006);
    Verification fine =
        new Verification(LARGE, SMALL, 0.01, NONE, Optional.of(SMALL), Optional.of(little));
    List<String> lines = VerificationReport.lines(fine);
    assertEquals(
        "rounding for the file changes ΔW by at most 0.60 % (blk.0.attn_q.weight)",
        lines.get(lines.size() - 2));
    assertEquals(0, VerificationReport.exitCode(fine));
    AdapterRounding much = new AdapterRounding("blk.0.attn_q.weight", 0.5);
    Verification failed =
        new Verification(LARGE, SMALL, 0.01, NONE, Optional.empty(), Optional.of(much));
    String verdict = VerificationReport.lines(failed).getLast();
    assertTrue(verdict.startsWith("FAILED: the file doesn't hold"), verdict);
    assertEquals(1, VerificationReport.exitCode(failed));
  }

  @Test
  void failedAndInconclusiveAreFailures() {
    Verification failed =
        new Verification(LARGE, LARGE, 0.9, SMALL, Optional.empty(), Optional.empty());
    assertTrue(VerificationReport.lines(failed).getLast().startsWith("FAILED: "));
    assertEquals(1, VerificationReport.exitCode(failed));
    assertEquals(1, VerificationReport.exitCodeOfMaker(failed));
    Verification without =
        new Verification(NONE, SMALL, 0.01, SMALL, Optional.empty(), Optional.empty());
    assertTrue(VerificationReport.lines(without).getLast().contains("changes nothing"));
    assertEquals(1, VerificationReport.exitCode(without));
    assertEquals(1, VerificationReport.exitCodeOfMaker(without));
    Verification drowned =
        new Verification(SMALL, SMALL, 0.9, SMALL, Optional.empty(), Optional.empty());
    assertTrue(VerificationReport.lines(drowned).getLast().contains("too little"));
    assertEquals(1, VerificationReport.exitCode(drowned));
    assertEquals(0, VerificationReport.exitCodeOfMaker(drowned));
  }
}

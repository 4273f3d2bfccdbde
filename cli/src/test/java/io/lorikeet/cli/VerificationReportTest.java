package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.export.LogitsDifference;
import io.lorikeet.export.Verification;
import java.util.List;
import org.junit.jupiter.api.Test;

class VerificationReportTest {
  private static final LogitsDifference LARGE = new LogitsDifference(100, 4, 0.5, 0.1, 0.7);
  private static final LogitsDifference SMALL = new LogitsDifference(100, 0.04, 0.005, 1e-5, 0.99);
  private static final LogitsDifference NONE = new LogitsDifference(100, 0, 0, 0, 1);

  @Test
  void passed() {
    Verification verification = new Verification(LARGE, SMALL, SMALL);
    List<String> lines = VerificationReport.lines(verification);
    assertEquals(
        "  trainer with the adapter            0.0400   0.00500   1.00e-05       99.0 %",
        lines.get(2));
    assertTrue(lines.getLast().startsWith("verified: "), lines.getLast());
    assertTrue(lines.getLast().contains("1.00 % of its effect (limit 10.0 %)"), lines.getLast());
    assertEquals(0, VerificationReport.exitCode(verification));
  }

  @Test
  void failedAndInconclusiveAreFailures() {
    Verification failed = new Verification(LARGE, LARGE, SMALL);
    assertTrue(VerificationReport.lines(failed).getLast().startsWith("FAILED: "));
    assertEquals(1, VerificationReport.exitCode(failed));
    Verification without = new Verification(NONE, SMALL, SMALL);
    assertTrue(VerificationReport.lines(without).getLast().contains("changes nothing"));
    assertEquals(1, VerificationReport.exitCode(without));
    Verification drowned = new Verification(SMALL, SMALL, SMALL);
    assertTrue(VerificationReport.lines(drowned).getLast().contains("too little"));
    assertEquals(1, VerificationReport.exitCode(drowned));
  }
}

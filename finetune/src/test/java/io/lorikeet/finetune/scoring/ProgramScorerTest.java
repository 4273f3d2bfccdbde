package io.lorikeet.finetune.scoring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Programs that behave, and that don't.
@DisabledOnOs(OS.WINDOWS)
class ProgramScorerTest {
  private static final Duration LONG = Duration.ofSeconds(30);

  @TempDir private Path folder;

  private static Score score(ProgramScorer scorer, String answer) {
    Question question = new Question("f:1", "p\n\"", Optional.empty(), "r", List.of());
    return scorer.score(question, answer);
  }

  @Test
  void scoresLineByLineInOneProcess() throws IOException {
    Path starts = folder.resolve("starts");
    String program =
        "echo x >> %s; while read -r line; do case \"$line\" in *'\"answer\":\"good\"'*) echo 0.75;;"
                .formatted(starts)
            + " *half*) echo '{\"score\": 0.5, \"more\": 1}';; *) echo false;; esac; done";
    try (ProgramScorer scorer = new ProgramScorer(program, LONG)) {
      assertEquals(Score.of(0.75), score(scorer, "good"));
      assertEquals(Score.of(0.5), score(scorer, "ha\nlf half"));
      assertEquals(Score.of(false), score(scorer, "bad"));
    }
    assertEquals(List.of("x"), Files.readAllLines(starts));
  }

  @Test
  void failuresAreCountedAndSaid() {
    fails("exit 3", "has ended");
    fails("echo oh >&2; echo no; cat", "expected a number from 0 to 1", "oh");
    fails("read -r line; echo 2; cat", "from 0 to 1", "2");
    fails("no-such-program-anywhere", "no-such-program-anywhere");
    fails("head -c 100000 /dev/zero; cat", "no line end within 65536");
  }

  private static void fails(String program, String... words) {
    try (ProgramScorer scorer = new ProgramScorer(program, LONG)) {
      Score score = score(scorer, "a");
      assertEquals(0, score.value());
      for (String word : words) {
        assertTrue(score.failure().orElseThrow().contains(word), score.toString());
      }
    }
  }

  @Test
  void aProgramThatHangsIsEndedWithAllItStarted() throws Exception {
    Path pids = folder.resolve("pids");
    String program = "sleep 1000 & echo $! > %s; sh -c 'sleep 1001'; cat".formatted(pids);
    try (ProgramScorer scorer = new ProgramScorer(program, Duration.ofMillis(500))) {
      assertTrue(score(scorer, "a").failure().orElseThrow().contains("no reply in 500 ms"));
    }
    long pid = Long.parseLong(Files.readString(pids).strip());
    Optional<ProcessHandle> child = ProcessHandle.of(pid);
    if (child.isPresent()) {
      child.get().onExit().get(10, TimeUnit.SECONDS);
    }
    assertFalse(ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
    assertFalse(ProcessHandle.current().descendants().anyMatch(ProcessHandle::isAlive));
  }

  @Test
  void afterFiveFailuresItIsNotAskedAnyMore() throws IOException {
    Path starts = folder.resolve("starts");
    try (ProgramScorer scorer = new ProgramScorer("echo x >> " + starts, LONG)) {
      for (int i = 0; i < 8; i++) {
        assertTrue(score(scorer, "a").failure().isPresent());
      }
      assertTrue(score(scorer, "a").failure().orElseThrow().contains("not asked"));
    }
    assertEquals(5, Files.readAllLines(starts).size());
  }
}

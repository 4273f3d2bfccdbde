package io.lorikeet.finetune.report;

import io.lorikeet.export.Verification;
import io.lorikeet.export.analysis.ExpertPairs;
import io.lorikeet.export.analysis.PairAnalysis;
import io.lorikeet.finetune.text.ProofText;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.run.MetricsReader;
import io.lorikeet.train.settings.RunFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Keeps a run's summary and its report while it goes on: at the start, at each validation and at
/// the end. A file that can't be written is told once, and the run goes on.
public final class RunRecorder implements TrainingListener {
  private final Path run;
  private final RunSummary.Base base;
  private final TrainingListener listener;
  private final List<RunSummary.Start> starts = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();
  private final List<RunSummary.GateRecord> verdicts = new ArrayList<>();
  private int steps;
  private long trained;
  private RunSummary.@Nullable Proof proof;
  private List<RunSummary.MatrixUpdate> matrices = List.of();
  private boolean told;
  private final MetricsReader metrics;

  /// @param run the run's folder, which needn't be there yet
  /// @param listener told of all that happens, and of a report that can't be written
  public RunRecorder(Path run, RunSummary.Base base, TrainingListener listener) {
    this.run = run;
    metrics = new MetricsReader(run);
    this.base = base;
    this.listener = listener;
  }

  @Override
  public void on(TrainingEvent event) {
    switch (event) {
      case TrainingEvent.Note(String text) -> notes.add(text);
      case TrainingEvent.Warning(String text) -> warnings.add(text);
      case TrainingEvent.StepSkipped skipped -> warnings.add(skipped.message());
      case TrainingEvent.Started started -> started(started);
      case TrainingEvent.StepDone _ -> forgetProof();
      case TrainingEvent.Evaluated _, TrainingEvent.Sampled _ -> write(null);
      case TrainingEvent.Judged judged -> {
        verdicts.removeIf(before -> before.step() >= judged.step()); // of steps taken once more
        verdicts.add(new RunSummary.GateRecord(judged.step(), judged.passes(), judged.checks()));
        write(null);
      }
      default -> {}
    }
    listener.on(event);
  }

  private void started(TrainingEvent.Started started) {
    steps = started.steps();
    trained = started.trainableParameters();
    if (started.done() > 0) {
      goOn();
    }
    starts.add(new RunSummary.Start(now(), started.done()));
    write(null);
  }

  /// Takes over the story of the run so far.
  private void goOn() {
    try {
      RunSummary.read(run)
          .ifPresent(
              before -> {
                starts.addAll(before.starts());
                notes.addAll(0, before.notes());
                warnings.addAll(0, before.warnings());
                verdicts.addAll(0, before.verdicts());
                proof = before.proof();
                matrices = before.matrices();
              });
    } catch (IOException | RuntimeException e) {
      tell(e);
    }
  }

  /// A proof is of the adapter as it was before this step.
  private void forgetProof() {
    proof = null;
    matrices = List.of();
  }

  /// The adapter's file was verified: its proof and its change of each matrix go into the report.
  public void proven(Verification verification, LoraAdapter adapter) {
    String verdict = verification.verdict().name().toLowerCase(Locale.ROOT);
    proof = new RunSummary.Proof(verdict, ProofText.lines(verification));
    matrices = adapter.pairs().stream().map(pair -> matrix(pair, adapter.alpha())).toList();
  }

  private static RunSummary.MatrixUpdate matrix(LoraPair pair, float alpha) {
    List<PairAnalysis> experts =
        ExpertPairs.apart(List.of(pair)).stream()
            .map(each -> PairAnalysis.of(each, alpha))
            .toList();
    return new RunSummary.MatrixUpdate(
        pair.baseTensor(),
        pair.rank(),
        Math.sqrt(experts.stream().mapToDouble(each -> each.norm() * each.norm()).sum()),
        experts.stream().mapToDouble(PairAnalysis::effectiveRank).average().orElse(0));
  }

  /// The run is over.
  ///
  /// @param message the reason where it isn't finished
  public void ended(RunSummary.Outcome outcome, String message) {
    write(new RunSummary.End(now(), outcome, message));
  }

  private void write(RunSummary.@Nullable End end) {
    if (!Files.exists(run.resolve(RunFiles.CONFIG))) {
      return; // nothing was begun, or the folder is cleared away again
    }
    RunSummary summary =
        new RunSummary(
            base,
            steps,
            trained,
            List.copyOf(starts),
            List.copyOf(notes),
            List.copyOf(warnings),
            List.copyOf(verdicts),
            end,
            proof,
            matrices);
    try {
      summary.write(run);
      ReportPage.of(run, end == null ? RunState.RUNNING : RunState.of(end), metrics).write();
    } catch (IOException | RuntimeException e) {
      tell(e);
    }
  }

  private void tell(Exception e) {
    if (!told) {
      told = true;
      String reason = Optional.ofNullable(e.getMessage()).orElse(e.getClass().getSimpleName());
      listener.on(new TrainingEvent.Note("no report of the run: " + reason));
    }
  }

  private static String now() {
    return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
  }
}

package io.lorikeet.finetune;

import io.lorikeet.export.merge.AdapterMerger;
import io.lorikeet.export.merge.MergeTypes;
import io.lorikeet.finetune.evaluation.Evaluation;
import io.lorikeet.finetune.evaluation.GateRun;
import io.lorikeet.finetune.evaluation.GateVerdict;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.loop.Judge;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Holds the adapters of a run against its gate, each in a file of its own. An adapter that is
/// trained to be merged is judged merged.
///
/// @param base the open base
/// @param events told how far it is, and the verdicts
/// @param hash of the gate with its files
record GateJudge(GgufFile base, BaseIdentity identity, TrainingListener events, String hash)
    implements Judge {

  /// Checks a run's gate, and the files that it names.
  ///
  /// @throws InvalidInputException when one can't be used
  static GateJudge of(
      TrainingConfig config, GgufFile base, BaseIdentity identity, TrainingListener events)
      throws IOException {
    Path gate = config.get(Settings.GATE);
    GateRun.check(gate, models(config, Optional.empty(), Optional.empty()));
    return new GateJudge(base, identity, events, GateRun.hash(gate));
  }

  @Override
  public boolean passes(Candidate candidate) throws IOException {
    TrainingConfig config = candidate.config();
    Path adapter = config.get(Settings.RUN).resolve(RunFiles.CANDIDATE);
    Path merged = config.get(Settings.RUN).resolve(RunFiles.MERGED_CANDIDATE);
    try {
      AdapterMetadata metadata =
          new AdapterMetadata(
              identity, config.settingsOfAdapter(), FineTuning.template(candidate.chatTemplate()));
      AdapterExporter.write(candidate.adapter(), metadata, config.get(Settings.STORE), adapter);
      if (config.isForMerging()) {
        merge(candidate, adapter, merged);
      }
      Evaluation models =
          config.isForMerging()
              ? models(config, Optional.empty(), Optional.of(merged))
              : models(config, Optional.of(adapter), Optional.empty());
      GateVerdict verdict =
          GateRun.of(
              config.get(Settings.GATE),
              models,
              work -> events.on(new TrainingEvent.Judging(work)));
      events.on(new TrainingEvent.Judged(candidate.step(), verdict.checks()));
      return verdict.passes();
    } catch (InvalidInputException e) { // the run's state is kept
      throw new IOException("gate: " + e.getMessage(), e);
    } finally {
      Files.deleteIfExists(adapter);
      Files.deleteIfExists(merged);
    }
  }

  /// Merges as `merge` does where nothing else is said, and as training for it computed.
  private void merge(Candidate candidate, Path adapter, Path merged) throws IOException {
    AdapterMerger.MergeSettings settings =
        new AdapterMerger.MergeSettings(
            MergeTypes.KEEP,
            Rounding.DITHERED,
            _ -> null,
            candidate.config().get(Settings.THREADS));
    events.on(new TrainingEvent.Judging("merging"));
    new AdapterMerger(
            base, List.of(new AdapterMerger.Adapter(adapter, candidate.adapter(), 1)), settings)
        .merge(merged, (_, _) -> {});
  }

  private static Evaluation models(
      TrainingConfig config, Optional<Path> adapter, Optional<Path> merged) {
    return new Evaluation(
        config.get(Settings.MODEL),
        adapter,
        merged,
        config.find(Settings.CHAT_TEMPLATE),
        1, // tokens and seed are the gate's
        config.get(Settings.THREADS),
        0);
  }
}

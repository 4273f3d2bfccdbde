package io.lorikeet.cli;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.LlamaLimits;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.train.ProcessMemory;
import io.lorikeet.train.TrainingProbe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Measures training and llama.cpp on the same base and tokens. Training comes first: the peak of
/// its memory can't be told from llama.cpp's afterwards.
///
/// @param device where both compute, as [Backend#open] takes it
/// @param progress told what is being measured
record BenchRun(
    Path model,
    int context,
    int rank,
    List<String> target,
    String device,
    int threads,
    int repetitions,
    ProgressLine progress) {
  private static final long SEED = 42;
  private static final int LLAMA_BATCH = 512;

  private record Training(
      BenchReport.Setting setting,
      Timing step,
      Timing forward,
      Breakdown breakdown,
      Optional<ProcessMemory> memory,
      int[] tokens,
      boolean onCpu) {}

  BenchReport run() throws IOException {
    try (GgufFile base = GgufFile.open(model)) {
      LlamaLimits.check(base);
      Training training = train(base);
      Timing llama = runLlama(base, training);
      progress.clear();
      return new BenchReport(
          training.setting(),
          training.step(),
          training.forward(),
          llama,
          training.breakdown(),
          training.memory());
    }
  }

  private Training train(GgufFile base) throws IOException {
    long bytes = 0;
    for (Path part : base.paths()) {
      bytes += Files.size(part);
    }
    long modelBytes = bytes;
    LoraSettings adapter = new LoraSettings(rank, 2.0 * rank, false, 0, target, SEED);
    Training[] measured = new Training[1];
    try (Backend backend = openDevice()) {
      TrainingProbe.lend(
          base,
          backend,
          context,
          adapter,
          probe -> measured[0] = train(base, modelBytes, backend, probe));
    }
    return measured[0];
  }

  private Training train(GgufFile base, long modelBytes, Backend backend, TrainingProbe probe) {
    progress.update("training step");
    Timing step = Timing.of(context, repetitions, probe::trainingStep);
    progress.update("trainer's forward pass");
    Timing forward = Timing.of(context, repetitions, probe::forward);
    Optional<ProcessMemory> memory = ProcessMemory.now();
    progress.update("where the step's time goes");
    Breakdown breakdown = Breakdown.of(backend, probe::trainingStep);
    BenchReport.Setting setting =
        new BenchReport.Setting(
            model.toString(),
            modelBytes,
            base.parameterCount(),
            probe.trainedParameters(),
            context,
            rank,
            target,
            backend.device().name(),
            backend.device().description(),
            backend.products(),
            threads,
            repetitions);
    return new Training(setting, step, forward, breakdown, memory, probe.tokens(), backend.isCpu());
  }

  private Backend openDevice() {
    try {
      return Backend.open(device, threads);
    } catch (GgmlException e) {
      throw new InvalidInputException("--device: " + e.getMessage(), e);
    }
  }

  private Timing runLlama(GgufFile base, Training training) {
    progress.update("llama.cpp's forward pass");
    LlamaModel.Options options =
        training.onCpu() ? LlamaModel.Options.CPU : new LlamaModel.Options(false, -1, true);
    try (LlamaModel loaded = ModelLoader.load(base, options);
        LlamaContext computing =
            LlamaContext.create(loaded, context, Math.min(context, LLAMA_BATCH), threads)) {
      return Timing.of(
          context,
          repetitions,
          () -> {
            computing.clear();
            computing.forEachLogits(training.tokens(), (_, _) -> {});
          });
    }
  }
}

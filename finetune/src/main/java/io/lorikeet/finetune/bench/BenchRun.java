package io.lorikeet.finetune.bench;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.LlamaLimits;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.train.loop.TrainingProbe;
import io.lorikeet.train.memory.ProcessMemory;
import io.lorikeet.train.settings.Recompute;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/// Measures training and llama.cpp on the same base and tokens, in turns. Training runs alone
/// first: the peak of its memory can't be told from llama.cpp's afterwards.
///
/// @param device where both compute, as [Backend#open] takes it
/// @param recompute the parts of a layer that backward computes again
/// @param ready told what will be measured; may refuse it
/// @param progress told what is being measured
public record BenchRun(
    Path model,
    int context,
    int rank,
    List<String> target,
    String device,
    Recompute recompute,
    int threads,
    int rounds,
    Consumer<BenchSetting> ready,
    Consumer<String> progress) {
  private static final long SEED = 42;
  private static final int LLAMA_BATCH = 512;

  public BenchReport run() throws IOException {
    LoraSettings adapter = new LoraSettings(rank, 2.0 * rank, false, 0, target, SEED);
    BenchReport[] report = new BenchReport[1];
    try (GgufFile base = GgufFile.open(model)) {
      LlamaLimits.check(base);
      try (Backend backend = openDevice()) {
        BenchSetting setting =
            BenchSetting.training(base, context, rank, target, backend, recompute, threads, rounds);
        ready.accept(setting);
        TrainingProbe.lend(
            base,
            backend,
            context,
            adapter,
            recompute,
            probe -> report[0] = measure(base, setting, backend, probe));
      }
    }
    return report[0];
  }

  private Backend openDevice() {
    try {
      return Backend.open(device, threads);
    } catch (GgmlException e) {
      throw new InvalidInputException("--device: " + e.getMessage(), e);
    }
  }

  private BenchReport measure(
      GgufFile base, BenchSetting setting, Backend backend, TrainingProbe probe) {
    progress.accept("warming up: training step");
    Rounds.warmUp(probe::trainingStep);
    progress.accept("warming up: trainer's forward pass");
    Rounds.warmUp(probe::forward);
    Optional<ProcessMemory> memory = ProcessMemory.now();
    progress.accept("where the step's time goes");
    Breakdown breakdown = Breakdown.of(backend, probe::trainingStep);
    progress.accept("warming up: llama.cpp's forward pass");
    LlamaModel.Options options =
        backend.isCpu() ? LlamaModel.Options.CPU : new LlamaModel.Options(false, -1, true);
    try (LlamaModel loaded = ModelLoader.load(base, options);
        LlamaContext computing =
            LlamaContext.create(loaded, context, Math.min(context, LLAMA_BATCH), threads)) {
      int[] tokens = probe.tokens();
      Runnable llama =
          () -> {
            computing.clear();
            computing.forEachLogits(tokens, (_, _) -> {});
          };
      Rounds.warmUp(llama);
      Map<String, Runnable> work = new LinkedHashMap<>();
      work.put(BenchReport.STEP, probe::trainingStep);
      work.put(BenchReport.FORWARD, probe::forward);
      work.put(BenchReport.LLAMA, llama);
      return new BenchReport(
          setting,
          probe.trainedParameters(),
          backend.products(),
          Rounds.of(rounds, work, progress),
          breakdown,
          memory);
    }
  }
}

package io.lorikeet.cli;

import io.lorikeet.export.AdapterExporter;
import io.lorikeet.export.AdapterMetadata;
import io.lorikeet.export.BaseIdentity;
import io.lorikeet.export.merge.AdapterMerger;
import io.lorikeet.export.merge.MergeReport;
import io.lorikeet.export.merge.MergeTypes;
import io.lorikeet.models.architecture.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/// Measures merging beside a plain copy of the base: the same bytes read, as many written and
/// forced to disk, in the same folder. Files are deleted after.
///
/// @param rank of an adapter of random numbers, which changes weights by about a hundredth
/// @param target matrices that it adapts, as train takes them
record MergeBench(
    Path model,
    int rank,
    List<String> target,
    int threads,
    int repetitions,
    ProgressLine progress) {
  private static final long SEED = 42;
  private static final double SHARE_OF_WEIGHTS = 0.01;
  private static final String COPY = "plain copy";

  /// The median repetition of something.
  ///
  /// @param bytesPerSecond read and written
  record Figure(double seconds, double bytesPerSecond) {}

  /// Figures by what was measured, the copy first.
  record Report(Map<String, Figure> figures) {

    double toCopy(String name) {
      return figures.get(name).bytesPerSecond() / figures.get(COPY).bytesPerSecond();
    }

    List<String> lines() {
      TableText table = new TableText("merging", "s", "GB/s read and written", "of a copy's");
      figures.forEach(
          (name, figure) ->
              table.row(
                  name,
                  String.format(Locale.ROOT, "%.2f", figure.seconds()),
                  String.format(Locale.ROOT, "%.3f", figure.bytesPerSecond() / 1e9),
                  String.format(Locale.ROOT, "%.3f", toCopy(name))));
      return table.lines();
    }

    Map<String, Object> json() {
      Map<String, Object> json = new LinkedHashMap<>();
      figures.forEach(
          (name, figure) ->
              json.put(
                  name,
                  Map.of(
                      "seconds", figure.seconds(),
                      "bytes_per_second", figure.bytesPerSecond(),
                      "of_plain_copy", toCopy(name))));
      return json;
    }
  }

  @FunctionalInterface
  private interface Work {
    Figure run(Path output) throws IOException;
  }

  Report run() throws IOException {
    Map<String, Figure> figures = new LinkedHashMap<>();
    Path folder = model.toAbsolutePath().getParent();
    try (GgufFile base = GgufFile.open(model);
        AtomicFile adapterFile = AtomicFile.create(folder.resolve("bench-adapter.gguf"));
        AtomicFile output = AtomicFile.create(folder.resolve("bench-merged.gguf"))) {
      ModelLoader.check(base);
      LoraAdapter adapter = adapter(base);
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(base), Map.of());
      AdapterExporter.write(adapter, metadata, adapterFile.path());
      measure(figures, COPY, output.path(), file -> copy(base, file));
      for (Rounding rounding : Rounding.values()) {
        AdapterMerger merger =
            new AdapterMerger(
                base,
                List.of(new AdapterMerger.Adapter(adapterFile.path(), adapter, 1)),
                new AdapterMerger.Settings(MergeTypes.KEEP, rounding, _ -> null, threads));
        measure(
            figures,
            rounding.name().toLowerCase(Locale.ROOT),
            output.path(),
            file -> merge(merger, file));
      }
    }
    progress.clear();
    return new Report(figures);
  }

  private void measure(Map<String, Figure> figures, String name, Path output, Work work)
      throws IOException {
    List<Figure> all = new ArrayList<>();
    for (int i = 0; i < repetitions; i++) {
      progress.update(name);
      all.add(work.run(output));
    }
    all.sort((a, b) -> Double.compare(a.seconds(), b.seconds()));
    figures.put(name, all.get(repetitions / 2));
  }

  private static Figure copy(GgufFile base, Path output) throws IOException {
    long start = System.nanoTime();
    long bytes = 0;
    try (FileChannel to =
        FileChannel.open(output, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
      for (Path part : base.paths()) {
        bytes += Files.size(part);
        try (FileChannel from = FileChannel.open(part, StandardOpenOption.READ)) {
          for (long at = 0; at < from.size(); ) {
            at += from.transferTo(at, from.size() - at, to);
          }
        }
      }
      to.force(true);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    return new Figure(seconds, 2 * bytes / seconds);
  }

  private static Figure merge(AdapterMerger merger, Path output) throws IOException {
    MergeReport report = merger.merge(output, (_, _) -> {});
    return new Figure(report.seconds(), report.bytesPerSecond());
  }

  private LoraAdapter adapter(GgufFile base) {
    ModelConfig config = ModelConfig.of(base);
    SplittableRandom random = new SplittableRandom(SEED);
    List<LoraPair> pairs = new ArrayList<>();
    for (String name : LoraTargets.resolve(target, config)) {
      GgufTensor weight = base.tensor(name).orElseThrow();
      int inputs = Math.toIntExact(weight.shape().get(0));
      int outputs = Math.toIntExact(weight.elements() / inputs);
      float[] a = gaussians(random, inputs * rank, 1 / Math.sqrt(inputs));
      float[] b = gaussians(random, rank * outputs, SHARE_OF_WEIGHTS / Math.sqrt(rank));
      pairs.add(new LoraPair(name, inputs, outputs, rank, a, b));
    }
    return new LoraAdapter(base.metadata().requireString("general.architecture"), rank, pairs);
  }

  private static float[] gaussians(SplittableRandom random, int count, double deviation) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return values;
  }
}

package io.lorikeet.finetune.bench;

import io.lorikeet.export.merge.AdapterMerger;
import io.lorikeet.export.merge.MergeTypes;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.quant.PathParts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/// Measures merging beside a plain copy of the base, in turns: the same bytes read, as many written
/// and forced to disk, in the same folder. Files are deleted after.
///
/// @param rank of an adapter of random numbers, which changes weights by about a hundredth
/// @param target matrices that it adapts, as train takes them
/// @param ready told what will be measured; may refuse it
/// @param progress told what is being measured
public record MergeBench(
    Path model,
    int rank,
    List<String> target,
    int threads,
    int rounds,
    Consumer<BenchSetting> ready,
    Consumer<String> progress) {

  /// The name of what merging is measured beside.
  public static final String COPY = "plain copy";

  private static final long SEED = 42;
  private static final double SHARE_OF_WEIGHTS = 0.01;

  /// The measurements, the copy first.
  ///
  /// @param bytes read and written by each
  public record MergeBenchReport(BenchSetting setting, Map<String, Long> bytes, Rounds rounds) {

    private long bytes(String name) {
      return Objects.requireNonNull(bytes.get(name), "all that runs has its bytes");
    }

    /// Bytes per second as a share of the copy's.
    private Quartiles toCopy(String name) {
      double more = (double) bytes(name) / bytes(COPY);
      return Quartiles.of(rounds.ratios(name, COPY).stream().map(ratio -> more * ratio).toList());
    }

    private double seconds(String name) {
      return Quartiles.of(rounds.seconds(name)).median();
    }

    private Quartiles bytesPerSecond(String name) {
      return rounds.perSecond(name, bytes(name));
    }

    public List<String> lines() {
      TableText table =
          new TableText("merging", "s", "GB/s read and written", "of a copy's", "quartiles");
      bytes
          .keySet()
          .forEach(
              name -> {
                Quartiles share = toCopy(name);
                table.row(
                    name,
                    String.format(Locale.ROOT, "%.2f", seconds(name)),
                    String.format(Locale.ROOT, "%.3f", bytesPerSecond(name).median() / 1e9),
                    String.format(Locale.ROOT, "%.3f", share.median()),
                    String.format(Locale.ROOT, "%.3f to %.3f", share.lower(), share.upper()));
              });
      return table.lines();
    }

    public Map<String, Object> json() {
      Map<String, Object> json = setting.json();
      Map<String, Object> speeds = new LinkedHashMap<>();
      Map<String, Object> shares = new LinkedHashMap<>();
      bytes
          .keySet()
          .forEach(
              name -> {
                speeds.put(name, bytesPerSecond(name).json());
                shares.put(name, toCopy(name).json());
              });
      json.put("bytes_per_second", speeds);
      json.put("of_plain_copy", shares);
      json.put("seconds", rounds.seconds());
      json.put("machine_load", rounds.load().map(MachineLoad::json).orElse(null));
      return json;
    }
  }

  @FunctionalInterface
  private interface MergeWork {
    void run() throws IOException;
  }

  public MergeBenchReport run() throws IOException {
    Map<String, Long> bytes = new LinkedHashMap<>();
    Map<String, Runnable> work = new LinkedHashMap<>();
    Path folder = PathParts.folder(model.toAbsolutePath());
    try (GgufFile base = GgufFile.open(model);
        AtomicFile adapterFile = AtomicFile.create(folder.resolve("bench-adapter.gguf"));
        AtomicFile output = AtomicFile.create(folder.resolve("bench-merged.gguf"))) {
      ModelLoader.check(base);
      BenchSetting setting = BenchSetting.merging(base, rank, target, threads, rounds);
      ready.accept(setting);
      LoraAdapter adapter = adapter(base);
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(base), Map.of());
      AdapterExporter.write(adapter, metadata, adapterFile.path());
      bytes.put(COPY, 2 * setting.modelBytes());
      work.put(COPY, unchecked(() -> copy(base, output.path())));
      long tensors = base.tensors().stream().mapToLong(GgufTensor::bytes).sum();
      for (Rounding rounding : Rounding.values()) {
        String name = rounding.name().toLowerCase(Locale.ROOT);
        AdapterMerger merger =
            new AdapterMerger(
                base,
                List.of(new AdapterMerger.Adapter(adapterFile.path(), adapter, 1)),
                new AdapterMerger.MergeSettings(MergeTypes.KEEP, rounding, _ -> null, threads));
        bytes.put(name, 2 * tensors);
        work.put(name, unchecked(() -> merger.merge(output.path(), (_, _) -> {})));
      }
      return new MergeBenchReport(setting, bytes, Rounds.of(rounds, work, progress));
    }
  }

  private static Runnable unchecked(MergeWork work) {
    return () -> {
      try {
        work.run();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
  }

  private static void copy(GgufFile base, Path output) throws IOException {
    try (FileChannel to =
        FileChannel.open(output, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
      for (Path part : base.paths()) {
        try (FileChannel from = FileChannel.open(part, StandardOpenOption.READ)) {
          for (long at = 0; at < from.size(); ) {
            at += from.transferTo(at, from.size() - at, to);
          }
        }
      }
      to.force(true);
    }
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

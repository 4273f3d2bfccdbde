package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.export.AdapterVerifier;
import io.lorikeet.export.Verification;
import io.lorikeet.export.Verification.Verdict;
import io.lorikeet.finetune.VerificationText;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.loop.Trainer;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Trains adapters on bases of many kinds, and looks what the proof says of each and of wrong
/// versions of its file: no right one fails, and every wrong one does. The logits alone, without a
/// look into the file, have to tell all that are wrong as a whole. One wrong pair of many they tell
/// where it changes more than rounding does. `bench/proof-sweep ADAPTERS` makes it long, and prints
/// a table.
@Tag("long")
class ProofSweepTest {
  private static final int ADAPTERS = Integer.getInteger("lorikeet.proof.adapters", 3);
  private static final long SEED = Long.getLong("lorikeet.seed", 1);

  private static final List<String> BASES = List.of("dense", "demo", "experts", "deep");
  private static final List<TensorType> TYPES =
      List.of(
          TensorType.Q4_0,
          TensorType.F32,
          TensorType.IQ4_XS,
          TensorType.Q8_0,
          TensorType.MXFP4,
          TensorType.Q4_K,
          TensorType.F16,
          TensorType.Q6_K,
          TensorType.Q5_0);
  private static final int[] RANKS = {4, 16, 1, 64};
  private static final int[] STEPS = {10, 1, 30, 3, 100};
  private static final double[] RATES = {1e-3, 2e-4, 5e-3};

  private static final int CONTEXT = 48;
  private static final int TOKENS = 96;

  /// Verdicts on the adapters of one kind, and their smallest and largest share.
  private static final class Row {
    private final Map<Verdict, Integer> verdicts = new TreeMap<>();
    private double least = Double.POSITIVE_INFINITY;
    private double most;

    void add(Verification logits) {
      verdicts.merge(logits.verdict(), 1, Integer::sum);
      least = Math.min(least, logits.differenceShare());
      most = Math.max(most, logits.differenceShare());
    }
  }

  @TempDir private Path folder;
  private final Map<String, Row> rows = new TreeMap<>();
  private final List<String> mistakes = new ArrayList<>();

  @Test
  void rightAdaptersNeverFailAndWrongOnesDo() throws IOException {
    for (int i = 0; i < ADAPTERS; i++) {
      sweep(i);
    }
    TableText table =
        new TableText(
            "by the logits alone", "proven", "inconclusive", "failed", "least share", "largest");
    rows.forEach(
        (name, row) ->
            table.row(
                name,
                count(row, Verdict.PASSED),
                count(row, Verdict.INCONCLUSIVE),
                count(row, Verdict.FAILED),
                "%.5f".formatted(row.least),
                "%.5f".formatted(row.most)));
    table.lines().forEach(System.out::println);
    assertEquals(List.of(), mistakes);
  }

  private static String count(Row row, Verdict verdict) {
    return Words.count(row.verdicts.getOrDefault(verdict, 0));
  }

  private void sweep(int index) throws IOException {
    Path base = base(index);
    TrainingConfig config = config(index, base);
    String name =
        "%s %s, rank %d, %d steps at %s"
            .formatted(
                BASES.get(index % BASES.size()),
                TYPES.get(index % TYPES.size()),
                config.get(Settings.RANK).number(),
                STEPS[index % STEPS.length],
                RATES[index % RATES.length]);
    LoraAdapter right = new Trainer(config, _ -> {}).run().adapter();
    List<int[]> sequences;
    try (GgufFile file = GgufFile.open(base)) {
      sequences = VerificationText.sequencesAfterTraining(file, config, TOKENS);
    }
    Verification ofRight = compare(base, right, right, sequences);
    row("right").add(ofRight);
    require(ofRight.verdict() != Verdict.FAILED, name, ofRight);
    for (AdapterDefect defect : AdapterDefect.values()) {
      Optional<LoraAdapter> wrong = defect.of(right);
      if (wrong.isPresent()) {
        Verification ofWrong = compare(base, wrong.get(), right, sequences);
        require(ofWrong.verdict() == Verdict.FAILED, name + ", " + defect, ofWrong);
        Verification logits = logitsAlone(ofWrong);
        row("wrong: " + defect).add(logits);
        if (defect.isOfAll() && ofRight.verdict() == Verdict.PASSED) {
          require(logits.verdict() == Verdict.FAILED, name + ", " + defect, logits);
        }
      }
    }
  }

  private void require(boolean holds, String name, Verification verification) {
    if (!holds) {
      mistakes.add(name + ": " + verification);
    }
  }

  private Row row(String name) {
    return rows.computeIfAbsent(name, _ -> new Row());
  }

  private static Verification logitsAlone(Verification whole) {
    return new Verification(
        whole.effect(),
        whole.trainerEffect(),
        whole.unexplained(),
        whole.noise(),
        whole.differenceShare(),
        whole.roundingShare(),
        Optional.empty());
  }

  /// llama.cpp with one adapter, the trainer with another, which was meant.
  private Verification compare(
      Path base, LoraAdapter llama, LoraAdapter trainer, List<int[]> sequences) throws IOException {
    Path file = folder.resolve("adapter.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      AdapterExporter.write(llama, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), file);
    }
    return new AdapterVerifier("cpu", 1, Precision.LLAMA)
        .compare(base, file, trainer, trainer, sequences);
  }

  private Path base(int index) throws IOException {
    TensorType type = TYPES.get(index % TYPES.size());
    Path file = folder.resolve("base" + index + ".gguf");
    return switch (BASES.get(index % BASES.size())) {
      case "dense" -> RandomModel.of(type).seed(SEED + index).write(file);
      case "deep" -> RandomModel.of(type).layers(8).seed(SEED + index).write(file);
      case "experts" ->
          new RandomFamily("qwen3moe", type)
              .put("expert_count", 8)
              .put("expert_used_count", 3)
              .put("expert_feed_forward_length", Math.max(64, type.blockSize()))
              .write(file);
      default -> Path.of("../demo/base.gguf");
    };
  }

  private TrainingConfig config(int index, Path base) throws IOException {
    return new TrainingOptions()
        .model(base)
        .data(data(index))
        .output(folder.resolve("trained" + index + ".gguf"))
        .set(Settings.CONTEXT, CONTEXT)
        .set(Settings.DEVICE, "cpu")
        .set(Settings.THREADS, 1)
        .set(Settings.RANK, RankChoice.of(RANKS[index / 2 % RANKS.length]))
        .set(Settings.EXPERT_RANK, 2)
        .set(Settings.LEARNING_RATE, RATES[index % RATES.length])
        .set(Settings.ACCUMULATE, 1)
        .set(Settings.STEPS, STEPS[index % STEPS.length])
        .set(Settings.SEED, SEED + index)
        .resolve();
  }

  private Path data(int index) throws IOException {
    SplittableRandom random = new SplittableRandom(SEED + index);
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 64; i++) {
      StringBuilder words = new StringBuilder();
      for (int k = 0; k < 4; k++) {
        words.append((char) ('a' + random.nextInt(8))).append(random.nextInt(10)).append(' ');
      }
      lines.append("{\"prompt\": \"say %s\", \"completion\": \"%s\"}\n".formatted(words, words));
    }
    return Files.writeString(folder.resolve("data" + index + ".jsonl"), lines);
  }
}

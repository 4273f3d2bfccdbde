package io.lorikeet.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.lorikeet.finetune.bench.BenchComparison;
import io.lorikeet.finetune.bench.BenchReport;
import io.lorikeet.finetune.bench.BenchRun;
import io.lorikeet.finetune.bench.BenchSetting;
import io.lorikeet.finetune.bench.MachineLoad;
import io.lorikeet.finetune.bench.MergeBench;
import io.lorikeet.finetune.bench.Rounds;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.random.KnownShape;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.NearestName;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.train.settings.Recompute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/// `lorikeet bench`.
@Command(
    name = "bench",
    description = {
      "Measure training on a base beside llama.cpp's forward pass: speed and memory.",
      "With --merge, measure merging beside a plain copy of the file.",
      "With --make, write a base of random weights to measure on."
    })
@Inputs(value = "--model", needed = 0)
final class BenchCommand extends WritingCommand {

  @Option(names = "--model", paramLabel = BaseOption.LABEL, description = BaseOption.DESCRIPTION)
  private @Nullable Path model;

  @Option(
      names = "--context",
      paramLabel = "TOKENS",
      converter = NumberOptions.Context.class,
      description = "length of the sequence (default: ${DEFAULT-VALUE})")
  private int context = 512;

  @Option(
      names = "--rank",
      paramLabel = "N",
      converter = NumberOptions.Rank.class,
      description = "rank of the adapter (default: ${DEFAULT-VALUE})")
  private int rank = 16;

  @Option(
      names = "--target",
      split = ",",
      paramLabel = "NAME",
      description = "matrices to adapt, as train takes them (default: all-linear)")
  private List<String> target = List.of("all-linear");

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description = "where to compute: auto, cpu, vulkan0, cuda0, … (default: ${DEFAULT-VALUE})")
  private String device = "auto";

  @Option(
      names = "--recompute",
      paramLabel = "all|none",
      description =
          "parts of a layer that backward computes again, as train takes them (default: none)")
  private Recompute recompute = Recompute.NONE;

  @Mixin private ThreadsOption threads = new ThreadsOption();

  @Option(
      names = {"--rounds", "--repetitions"},
      paramLabel = "N",
      converter = NumberOptions.Repetitions.class,
      description =
          "how often each is measured, in turns, after a warm-up (default: ${DEFAULT-VALUE})")
  private int rounds = 15;

  @Option(
      names = "--merge",
      description = "measure merging, of random adapters, beside a plain copy of the base")
  private boolean merge;

  @Option(names = "--json", paramLabel = "FILE", description = "write the figures there as well")
  private @Nullable Path json;

  @Option(
      names = "--compare",
      paramLabel = "FILE",
      description =
          "say what is faster or slower than in that file of --json, of the same setting and machine")
  private @Nullable Path compare;

  @Option(
      names = "--make",
      paramLabel = "SHAPE",
      description = {
        "write a base of random weights.",
        "S has 12 layers of 768, M 22 of 2048 (TinyLlama-1.1B), 8B 32 of 4096 (Llama-3.1-8B), each with 32,000 tokens.",
        "Others are named as plan --shape list prints them, such as Qwen3.5-4B."
      })
  private @Nullable String make;

  @Option(
      names = "--layers",
      paramLabel = "N",
      converter = NumberOptions.Layers.class,
      description = "with --make: only the first N layers of the shape (default: all)")
  private @Nullable Integer layers;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description =
          "with --make: type of most matrices, such as Q4_0 or Q4_K; those of plan's shapes are mixed"
              + " as llama.cpp's quantizer does, such as Q4_K_M")
  private @Nullable String type;

  @Option(names = "--output", paramLabel = "FILE", description = "with --make: file to write")
  private @Nullable Path output;

  @Option(names = "--force", description = "replace the output, if it exists")
  private boolean force;

  @Option(
      names = "--seed",
      paramLabel = "N",
      converter = NumberOptions.Seed.class,
      description = "with --make: seed of its weights (default: ${DEFAULT-VALUE})")
  private long seed = 1;

  @Override
  OutputPlan files() throws IOException {
    model = BaseOption.find(spec, Optional.ofNullable(model)).orElse(null);
    OutputPlan plan = new OutputPlan().reads("--model", model).reads("--compare", compare);
    if (output != null) {
      plan.writes("--output", output);
    }
    return json == null ? plan : plan.writes("--json", json);
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    if (make != null && model == null) {
      makeBase(make);
    } else if (make == null && model != null) {
      measure(model);
    } else {
      throw problem("give either --model to measure, or --make to write a base for it");
    }
    return 0;
  }

  private void makeBase(String shape) throws IOException {
    if (merge || compare != null) {
      throw problem("--merge and --compare go with --model, not with --make");
    }
    Optional<RandomModel.RandomShape> plain = RandomModel.RandomShape.named(shape);
    Optional<KnownShape> known = KnownShape.named(shape);
    if (plain.isEmpty() && known.isEmpty()) {
      throw unknownShape(shape);
    }
    if (type == null || output == null) {
      throw problem("--make needs --type and --output");
    }
    if (plain.isPresent()) {
      String ofAll = known("--type", type, RandomModel.typeNames());
      int count = layers(plain.get().layers());
      RandomModel.of(plain.get(), ofAll).layers(count).seed(seed).write(output);
    } else {
      String ofMost = known("--type", type, KnownShape.typeNames());
      int count = layers(known.orElseThrow().layers());
      known.orElseThrow().firstLayers(count).writeRandom(output, ofMost, seed);
    }
    spec.commandLine()
        .getOut()
        .println("%s: %s".formatted(output, Words.bytes(Files.size(output))));
  }

  private int layers(int all) {
    if (layers != null && layers > all) {
      throw problem("--layers: %s, but the shape has %s layers".formatted(layers, all));
    }
    return layers == null ? all : layers;
  }

  private ParameterException unknownShape(String shape) {
    List<String> names = new ArrayList<>();
    for (RandomModel.RandomShape plain : RandomModel.RandomShape.values()) {
      names.add(plain.toString());
    }
    KnownShape.ALL.forEach(known -> names.add(known.name()));
    return unknown("--make", shape, names);
  }

  /// One of these names, as it is written there.
  private String known(String option, String name, Collection<String> names) {
    return names.stream()
        .filter(name::equalsIgnoreCase)
        .findFirst()
        .orElseThrow(() -> unknown(option, name, names));
  }

  private ParameterException unknown(String option, String name, Collection<String> names) {
    return problem(
        "unknown %s '%s'; known are %s%s"
            .formatted(option, name, String.join(", ", names), NearestName.hint(name, names)));
  }

  private void measure(Path base) throws IOException {
    if (type != null || output != null || layers != null) {
      throw problem("--type, --layers and --output go with --make, not with --model");
    }
    Optional<BenchComparison> old =
        compare == null ? Optional.empty() : Optional.of(BenchComparison.with(compare));
    Consumer<BenchSetting> ready = setting -> old.ifPresent(before -> before.check(setting));
    ProgressLine line = ProgressLine.of(spec);
    if (merge) {
      MergeBench.MergeBenchReport report =
          new MergeBench(base, rank, target, threads.count(), rounds, ready, line::update).run();
      List<String> merged = new ArrayList<>(report.bytes().keySet());
      merged.remove(MergeBench.COPY);
      line.clear();
      show(line, report.lines(), report.rounds(), old, merged, MergeBench.COPY);
      write(report.json());
    } else {
      BenchReport report =
          new BenchRun(
                  base,
                  context,
                  rank,
                  target,
                  device,
                  recompute,
                  threads.count(),
                  rounds,
                  ready,
                  line::update)
              .run();
      line.clear();
      List<String> trained = List.of(BenchReport.STEP, BenchReport.FORWARD);
      show(line, report.lines(), report.rounds(), old, trained, BenchReport.LLAMA);
      write(report.json());
    }
  }

  private static void show(
      ProgressLine line,
      List<String> report,
      Rounds rounds,
      Optional<BenchComparison> old,
      List<String> compared,
      String reference) {
    report.forEach(line::println);
    rounds.load().flatMap(MachineLoad::warning).ifPresent(line::println);
    old.ifPresent(
        before -> {
          line.println("");
          before.lines(rounds, compared, reference).forEach(line::println);
        });
  }

  private void write(Object figures) throws IOException {
    if (json == null) {
      return;
    }
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    try (AtomicFile file = AtomicFile.create(json)) {
      mapper.writeValue(file.path().toFile(), figures);
      file.commit();
    }
  }

  private ParameterException problem(String text) {
    return new ParameterException(spec.commandLine(), text);
  }
}

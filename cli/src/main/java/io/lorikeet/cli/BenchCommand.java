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
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.NearestName;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.train.settings.Recompute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
        "write a base of random weights:",
        "S (12 layers of 768), M (22 of 2048, TinyLlama-1.1B)",
        "8B (32 of 4096, Llama-3.1-8B), or two layers of a large model: 8B-2, 32B-2 (of 5120), 70B-2 (of 8192)"
      })
  private RandomModel.@Nullable RandomShape make;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description = "with --make: type of all its matrices, such as Q4_0 or Q4_K")
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

  private void makeBase(RandomModel.RandomShape shape) throws IOException {
    if (merge || compare != null) {
      throw problem("--merge and --compare go with --model, not with --make");
    }
    if (type == null || output == null) {
      throw problem("--make needs --type and --output");
    }
    List<String> types = RandomModel.typeNames();
    if (types.stream().noneMatch(type::equalsIgnoreCase)) {
      throw problem(
          "unknown --type '%s'; known are %s%s"
              .formatted(type, String.join(", ", types), NearestName.hint(type, types)));
    }
    RandomModel.of(shape, type).seed(seed).write(output);
    spec.commandLine()
        .getOut()
        .println("%s: %s".formatted(output, Words.bytes(Files.size(output))));
  }

  private void measure(Path base) throws IOException {
    if (type != null || output != null) {
      throw problem("--type and --output go with --make, not with --model");
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

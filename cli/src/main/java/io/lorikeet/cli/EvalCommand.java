package io.lorikeet.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.lorikeet.export.TextLoss;
import io.lorikeet.finetune.LlamaSession;
import io.lorikeet.finetune.evaluation.Evaluation;
import io.lorikeet.finetune.evaluation.EvaluationTask;
import io.lorikeet.finetune.evaluation.GateRun;
import io.lorikeet.finetune.evaluation.GateVerdict;
import io.lorikeet.finetune.evaluation.TaskResult;
import io.lorikeet.finetune.scoring.Scorer;
import io.lorikeet.finetune.scoring.ScorerChoice;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.train.data.TextEncoding;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.settings.DataSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `lorikeet eval`.
@Command(
    name = "eval",
    description = {
      "Measure a base in stock llama.cpp, and what training made of it.",
      "With --tasks it answers the prompts of files and has the answers scored.",
      "With --gate it tells whether to ship, and with --data it measures loss and perplexity."
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:measured; with --gate: ship",
      "1:it could not be measured",
      "2:a file, an option or the gate can't be used",
      "3:with --gate: don't ship"
    })
@Inputs(
    value = {"--model", "--data", "--adapter"},
    needed = 1)
final class EvalCommand extends WritingCommand {
  private static final int DEFAULT_CONTEXT = 2048;
  private static final int DO_NOT_SHIP = 3;

  @Spec private CommandSpec spec;

  @Mixin private BaseOption model = new BaseOption();

  @Option(names = "--adapter", paramLabel = "FILE", description = "adapter, a GGUF file")
  private Optional<Path> adapter = Optional.empty();

  @Option(
      names = "--merged",
      paramLabel = "FILE",
      description = "with --tasks: a file merged from the base, instead of an adapter")
  private Optional<Path> merged = Optional.empty();

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description = "examples, as train takes them; only completions count where there are prompts")
  private @Nullable Path data;

  @Option(
      names = "--tasks",
      paramLabel = "FILE",
      description = {
        "prompts with answers, in any layout that train takes, to be answered by the likeliest tokens;",
        "may be repeated"
      })
  private List<Path> tasks = List.of();

  @Option(
      names = "--gate",
      paramLabel = "FILE",
      description =
          "YAML with the conditions under which the adapter or the merged file is shipped")
  private @Nullable Path gate;

  @Option(
      names = "--scorer",
      paramLabel = "NAME",
      description = {
        "how answers are scored where a line has no 'scorer': exact (default), number, contains, json,",
        "tool-call (default for calls), regex:PATTERN, json-schema:FILE or program:COMMAND"
      })
  private Optional<String> scorer = Optional.empty();

  @Option(
      names = "--chat-template",
      paramLabel = "NAME|FILE",
      description = {
        "template for chats (default: with --tasks the one that the adapter was trained with, or else",
        "the base's own)"
      })
  private Optional<String> chatTemplate = Optional.empty();

  @Option(
      names = "--context",
      paramLabel = "TOKENS",
      converter = NumberOptions.Context.class,
      description =
          "with --data: longer examples are cut (default: 2048, or the base's context if shorter)")
  private Optional<Integer> context = Optional.empty();

  @Option(
      names = "--tokens",
      paramLabel = "N",
      converter = NumberOptions.TokenCount.class,
      description = "with --tasks: tokens of an answer at most (default: ${DEFAULT-VALUE})")
  private int tokens = 256;

  @Option(
      names = "--seed",
      paramLabel = "N",
      converter = NumberOptions.Seed.class,
      description = "with --tasks: seed of the intervals (default: ${DEFAULT-VALUE})")
  private long seed = 42;

  @Mixin private ThreadsOption threads = new ThreadsOption();

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "with --tasks: write scores and all answers there as well")
  private Optional<Path> json = Optional.empty();

  @Option(names = "--force", description = "replace the output, if it exists")
  private boolean force;

  @Override
  OutputPlan files() throws IOException {
    OutputPlan plan =
        new OutputPlan()
            .reads("--model", model.file())
            .reads("--adapter", adapter.orElse(null))
            .reads("--merged", merged.orElse(null))
            .reads("--chat-template", chatTemplate.map(Path::of).orElse(null))
            .reads("--data", data);
    tasks.forEach(file -> plan.reads("--tasks", file));
    scorer.flatMap(ScorerChoice::file).ifPresent(file -> plan.reads("--scorer", file));
    if (gate != null) {
      for (Path file : GateRun.inputs(gate)) {
        plan.reads("--gate", file);
      }
    }
    json.ifPresent(file -> plan.writes("--json", file));
    return plan;
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    if ((data == null ? 0 : 1) + (tasks.isEmpty() ? 0 : 1) + (gate == null ? 0 : 1) != 1) {
      throw problem(
          "give --data to measure the loss, or --tasks to have answers scored, or --gate to judge");
    }
    if (data != null) {
      measure(data);
      return 0;
    }
    if (adapter.isPresent() && merged.isPresent()) {
      throw problem("give either --adapter or --merged");
    }
    return gate == null ? answer() : judge(gate);
  }

  private Evaluation evaluation() throws IOException {
    return new Evaluation(
        model.file(), adapter, merged, chatTemplate, tokens, threads.count(), seed);
  }

  private int judge(Path file) throws IOException {
    if (scorer.isPresent()) {
      throw problem("--scorer goes with --tasks; a gate names the scorers of its tasks");
    }
    ProgressLine line = ProgressLine.of(spec);
    GateVerdict verdict = GateRun.of(file, evaluation(), line::update);
    EvaluationText.lines(verdict.results(), compared()).forEach(line::println);
    EvaluationText.lines(verdict).forEach(line::println);
    if (json.isPresent()) {
      write(json.get(), verdict.results(), verdict.json());
    }
    return verdict.passes() ? 0 : DO_NOT_SHIP;
  }

  private int answer() throws IOException {
    ProgressLine line = ProgressLine.of(spec);
    List<TaskResult> results = new ArrayList<>();
    Optional<Scorer> given =
        scorer.isPresent() ? Optional.of(ScorerChoice.named(scorer.get())) : Optional.empty();
    try (Scorer _ = given.orElseGet(ScorerChoice::byReference)) {
      List<EvaluationTask> read = new ArrayList<>();
      for (Path file : tasks) {
        read.add(EvaluationTask.read(file, given, scorer.equals(Optional.of("tool-call"))));
      }
      results.addAll(evaluation().run(read, line::update));
    }
    EvaluationText.lines(results, compared()).forEach(line::println);
    if (json.isPresent()) {
      write(json.get(), results, Map.of());
    }
    return 0;
  }

  /// The file that is held against the base, in words.
  private String compared() {
    return merged.isPresent() ? "merged file" : adapter.isPresent() ? "adapter" : "";
  }

  private void write(Path file, List<TaskResult> results, Map<String, Object> verdict)
      throws IOException {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("model", model.file().toString());
    adapter.ifPresent(path -> report.put("adapter", path.toString()));
    merged.ifPresent(path -> report.put("merged", path.toString()));
    report.putAll(verdict);
    report.put("tasks", results.stream().map(TaskResult::json).toList());
    try (AtomicFile written = AtomicFile.create(file)) {
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .writeValue(written.path().toFile(), report);
      written.commit();
    }
  }

  private void measure(Path file) throws IOException {
    if (merged.isPresent() || scorer.isPresent() || json.isPresent()) {
      throw problem("--merged, --scorer and --json go with --tasks, not with --data");
    }
    ProgressLine line = ProgressLine.of(spec);
    try (LlamaSession session = LlamaSession.open(model.file(), adapter)) {
      int length =
          NumberOptions.contextLength(spec, context, DEFAULT_CONTEXT, session.contextLength());
      List<TokenizedExample> examples;
      try (Tokenizer tokenizer = Tokenizer.open(model.file())) {
        examples =
            TrainingData.tokenizeAnswers(
                List.of(file),
                DataSettings.of(length),
                TextEncoding.of(tokenizer, chatTemplate),
                new TrainingProgress(line));
      }
      measure(session, false, examples, length, line);
      if (session.hasAdapter()) {
        measure(session, true, examples, length, line);
      }
    }
  }

  private void measure(
      LlamaSession session,
      boolean withAdapter,
      List<TokenizedExample> examples,
      int length,
      ProgressLine line) {
    String name = withAdapter ? "with adapter" : "without adapter";
    TextLoss loss =
        session.loss(
            examples,
            withAdapter,
            length,
            threads.count(),
            done -> line.update(name + ": " + done + " of " + examples.size() + " examples"));
    line.println(
        "%s: loss %s over %s tokens"
            .formatted(name, Words.loss(loss.mean()), Words.count(loss.targets())));
  }

  private ParameterException problem(String text) {
    return new ParameterException(spec.commandLine(), text);
  }
}

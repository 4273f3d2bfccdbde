package io.lorikeet.train.sample;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.bindings.llama.UnusableModelException;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.text.GreedyAnswers;
import io.lorikeet.models.text.PromptTokens;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.models.text.template.ServedTemplate;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.train.event.FlightEvents;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.run.MetricsFile;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.SampleSource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Lets llama.cpp answer a run's prompts, by the likeliest token always, with the adapter's file as
/// it would be written now. The base's weights stay in the mapped file that the trainer uses, too.
public final class Samples implements AutoCloseable {
  private final TrainingConfig config;
  private final Path run;
  private final BaseIdentity base;
  private final LlamaModel model;
  private final List<String> prompts;
  private final List<int[]> tokens;
  private int last;

  private Samples(
      TrainingConfig config,
      BaseIdentity base,
      LlamaModel model,
      List<String> prompts,
      List<int[]> tokens,
      int last) {
    this.config = config;
    this.run = config.get(Settings.RUN);
    this.base = base;
    this.model = model;
    this.prompts = prompts;
    this.tokens = tokens;
    this.last = last;
  }

  /// Opens the base, where a run has prompts, and cuts off what was answered after the state that
  /// the run goes on from.
  ///
  /// @param template of a run on chats, whose prompts are a user's messages then
  /// @param step steps that are done
  /// @throws InvalidInputException when a prompt and its answer are too long, or llama.cpp can't
  ///     use the base
  public static Optional<Samples> open(
      TrainingConfig config, GgufFile base, Optional<ChatTemplate> template, int step)
      throws IOException {
    List<String> prompts = SampleSource.prompts(config.get(Settings.SAMPLE));
    if (prompts.isEmpty()) {
      return Optional.empty();
    }
    Path run = config.get(Settings.RUN);
    LlamaModel model = ModelLoader.load(base, new LlamaModel.Options(false, 0, false));
    try {
      List<int[]> tokens = tokens(prompts, config, model.vocabulary(), template);
      int kept = step == 0 ? -1 : step; // a folder that is begun anew can hold another run's
      MetricsFile.cutAfter(run.resolve(RunFiles.SAMPLES), kept, kept);
      List<TrainingEvent.Sampled> before = SampleFile.read(run);
      int last = before.isEmpty() ? -1 : before.getLast().step();
      return Optional.of(new Samples(config, BaseIdentity.of(base), model, prompts, tokens, last));
    } catch (IOException | RuntimeException e) {
      model.close();
      throw e;
    }
  }

  private static List<int[]> tokens(
      List<String> prompts,
      TrainingConfig config,
      LlamaVocabulary vocabulary,
      Optional<ChatTemplate> template) {
    Optional<ServedTemplate> served =
        template.map(used -> ServedTemplate.of(used, Optional.empty(), vocabulary));
    int room = config.get(Settings.CONTEXT) - config.get(Settings.SAMPLE_TOKENS);
    List<int[]> all = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      String prompt = prompts.get(i);
      int[] tokens =
          served.isPresent()
              ? PromptTokens.of(
                  Conversation.of(Conversation.Message.of("user", prompt)),
                  served.get(),
                  vocabulary)
              : PromptTokens.of(prompt, vocabulary);
      if (tokens.length == 0 || tokens.length > room) {
        problems.add(
            "prompt %s has %s tokens, and there must be 1 to %s"
                .formatted(i + 1, tokens.length, room));
      }
      all.add(tokens);
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          "sample: prompt and answer must fit into --context %s, which leaves %s tokens to a prompt; take shorter prompts or fewer --sample-tokens"
              .formatted(config.get(Settings.CONTEXT), room),
          problems);
    }
    return all;
  }

  /// Answers the prompts after a step, unless that was done before the run was stopped, and keeps
  /// the answers in the run's folder. A failure is only told: the run itself can go on.
  ///
  /// @param step steps done
  /// @param adapter as it stands
  public Optional<TrainingEvent> answer(int step, Supplier<LoraAdapter> adapter) {
    if (step <= last) {
      return Optional.empty();
    }
    last = step;
    try {
      TrainingEvent.Sampled sampled = answers(step, adapter.get());
      SampleFile.add(run, sampled);
      return Optional.of(sampled);
    } catch (IOException | InvalidInputException | GgmlException | UnusableModelException e) {
      return Optional.of(
          new TrainingEvent.Warning(
              "no samples after step %s: %s".formatted(step, e.getMessage())));
    }
  }

  private TrainingEvent.Sampled answers(int step, LoraAdapter adapter) throws IOException {
    FlightEvents.SamplesEvent flight = new FlightEvents.SamplesEvent();
    flight.begin();
    long start = System.nanoTime();
    List<TrainingEvent.Sampled.SampleAnswer> answers = new ArrayList<>();
    try (LlamaAdapter loaded = load(adapter)) {
      List<GreedyAnswers.Answer> given =
          new GreedyAnswers(
                  model,
                  Optional.of(loaded),
                  config.get(Settings.SAMPLE_TOKENS),
                  config.get(Settings.THREADS))
              .of(tokens, _ -> {});
      for (int i = 0; i < prompts.size(); i++) {
        GreedyAnswers.Answer answer = given.get(i);
        answers.add(
            new TrainingEvent.Sampled.SampleAnswer(
                prompts.get(i), answer.text(), answer.tokens(), answer.ended()));
      }
    }
    TrainingEvent.Sampled sampled =
        new TrainingEvent.Sampled(step, answers, (System.nanoTime() - start) / 1e9);
    flight.answered(sampled);
    return sampled;
  }

  /// Through a file, as llama.cpp takes it, which is gone when it is loaded.
  private LlamaAdapter load(LoraAdapter adapter) throws IOException {
    try (AtomicFile file = AtomicFile.create(run.resolve(RunFiles.SAMPLES))) {
      AdapterExporter.write(
          adapter, new AdapterMetadata(base, Map.of()), config.get(Settings.STORE), file.path());
      return LlamaAdapter.load(model, file.path());
    }
  }

  @Override
  public void close() {
    model.close();
  }
}

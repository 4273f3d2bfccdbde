package io.lorikeet.train.loop;

import io.lorikeet.bindings.Backend;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.architecture.Pooling;
import io.lorikeet.models.architecture.TextEmbedding;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.quant.ByteProgress;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.Activation;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.goal.ContrastiveGoal;
import io.lorikeet.train.goal.Goal;
import io.lorikeet.train.goal.Mismatches;
import io.lorikeet.train.goal.PreferenceGoal;
import io.lorikeet.train.goal.ReferenceLosses;
import io.lorikeet.train.goal.TokenGoal;
import io.lorikeet.train.memory.TrainingSetup;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.PreferenceSettings;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The means that a run makes less on its data, and measures on its validation data.
record RunGoals(Goal training, Goal validation) {

  /// Makes the goals, and computes what they compare with where that wasn't kept.
  ///
  /// @param request the model that is trained; the reference is computed with one like it
  /// @param key all that the model depends on, but for its adapter
  static RunGoals of(
      TrainingConfig config,
      TrainingData data,
      Backend backend,
      GgufFile base,
      TrainingSetup.Request request,
      String key,
      TrainingListener events)
      throws IOException {
    if (config.find(Settings.METHOD).isEmpty()) {
      return new RunGoals(new TokenGoal(), new TokenGoal());
    }
    if (Method.CONTRASTIVE.isOf(config)) {
      Goal goal = contrastive(config, data, base, events);
      return new RunGoals(goal, goal);
    }
    PreferenceSettings settings = PreferenceSettings.of(config);
    List<DataSet> sets = new ArrayList<>(List.of(data.training()));
    data.validation().ifPresent(sets::add);
    List<Mismatches> mismatches =
        settings.method() == Method.KTO
            ? sets.stream().map(set -> mismatches(config, set)).toList()
            : List.of();
    if (!settings.method().hasReference()) {
      Goal goal = new PreferenceGoal(settings, new double[0], Optional.empty());
      return new RunGoals(goal, goal);
    }
    ReferenceRun reference = new ReferenceRun(config, base, backend, request, events);
    List<double[]> logps = reference.logps(sets, mismatches, key);
    List<Goal> goals = new ArrayList<>();
    for (int i = 0; i < sets.size(); i++) {
      Optional<Mismatches.Measured> measured = Optional.empty();
      if (!mismatches.isEmpty()) {
        double[] ofMismatches = logps.get(sets.size() + i);
        measured = Optional.of(new Mismatches.Measured(mismatches.get(i), ofMismatches));
      }
      goals.add(new PreferenceGoal(settings, logps.get(i), measured));
    }
    return new RunGoals(goals.getFirst(), goals.getLast());
  }

  private static Goal contrastive(
      TrainingConfig config, TrainingData data, GgufFile base, TrainingListener events) {
    TextEmbedding embedding = TextEmbedding.of(base, ModelConfig.of(base));
    int rows = config.get(Settings.BATCH_SIZE);
    if (rows == 1 && !data.training().hasNegatives()) {
      throw new InvalidInputException(
          "batch-size: the pairs of a batch are each other's negatives, and a batch of one has none;"
              + " give a larger --batch-size, or negatives with each pair");
    }
    if ((long) rows * config.get(Settings.CONTEXT) * embedding.size() > Integer.MAX_VALUE) {
      throw new InvalidInputException(
          "batch-size: %s rows of %s tokens have more states than can be compared at once; take a smaller --batch-size or --context"
              .formatted(rows, config.get(Settings.CONTEXT)));
    }
    events.on(
        new TrainingEvent.Note(
            Pooling.isNamed(base.metadata())
                ? "embeddings: " + embedding.pooling().inWords() + ", as the base says"
                : "embeddings: %s; the base doesn't say so, so that llama-server needs --pooling last"
                    .formatted(embedding.pooling().inWords())));
    return new ContrastiveGoal(embedding, config.get(Settings.CONTRASTIVE_TEMPERATURE));
  }

  private static Mismatches mismatches(TrainingConfig config, DataSet set) {
    return new Mismatches(set, config.get(Settings.BATCH_SIZE), config.get(Settings.SEED));
  }

  /// The model that a run's is compared with: what the run begins with, or the base with another
  /// adapter.
  private record ReferenceRun(
      TrainingConfig config,
      GgufFile base,
      Backend backend,
      TrainingSetup.Request request,
      TrainingListener events) {

    /// Log probabilities of each data set, then of each one's mismatches.
    List<double[]> logps(List<DataSet> sets, List<Mismatches> mismatches, String key)
        throws IOException {
      Path file = config.get(Settings.RUN).resolve(RunFiles.REFERENCE);
      Optional<ReferenceLosses> kept = ReferenceLosses.read(file, key);
      if (kept.isPresent()) {
        return kept.get().lists();
      }
      Optional<Path> named = PreferenceSettings.reference(config);
      Optional<LoraAdapter> adapter =
          named.isEmpty()
              ? Optional.empty()
              : Optional.of(AdapterFile.read(named.get(), base).adapter());
      adapter.ifPresent(
          read ->
              LoraTargets.requireTrainable(
                  read, ModelConfig.of(base), Settings.REFERENCE_ADAPTER.key()));
      if (adapter.isPresent() && adapter.get().invocation().isPresent()) {
        Activation.require(
            "reference-adapter", adapter.get().invocation(), Activation.of(config, base));
      }
      List<double[]> lists = computed(sets, mismatches, adapter);
      new ReferenceLosses(lists).write(file, key);
      return lists;
    }

    private List<double[]> computed(
        List<DataSet> sets, List<Mismatches> mismatches, Optional<LoraAdapter> adapter) {
      int batchSize = config.get(Settings.BATCH_SIZE);
      int all = sets.stream().mapToInt(set -> config.microBatches(set.rows().size())).sum();
      ByteProgress upload = (done, total) -> tell("uploading weights", done, total);
      TrainingSetup.Request own = request.withAdapter(on -> parameters(on, adapter));
      List<double[]> lists = new ArrayList<>();
      try (TrainingSetup setup = new TrainingSetup(base, backend, own, upload)) {
        TransformerModel model = setup.model();
        model.foldAdapter();
        int before = 0;
        for (DataSet set : sets) {
          int first = before;
          lists.add(
              ReferenceLosses.of(
                  model, set, batchSize, done -> tell("reference", first + done, all)));
          before += config.microBatches(set.rows().size());
        }
        for (int i = 0; i < mismatches.size(); i++) {
          int answers = sets.get(i).examples();
          lists.add(
              mismatches
                  .get(i)
                  .reference(model, done -> tell("reference, other answers", done, answers)));
        }
      }
      return lists;
    }

    private LoraParameters parameters(Backend on, Optional<LoraAdapter> adapter) {
      return adapter
          .map(named -> LoraParameters.of(named, on))
          .orElseGet(() -> request.adapter().apply(on)); // of which B is 0
    }

    private void tell(String task, long done, long total) {
      events.on(new TrainingEvent.Progress(task, done, total));
    }
  }
}

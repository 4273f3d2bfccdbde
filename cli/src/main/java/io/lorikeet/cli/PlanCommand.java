package io.lorikeet.cli;

import io.lorikeet.finetune.MemoryForecast;
import io.lorikeet.finetune.bases.HubFile;
import io.lorikeet.finetune.hub.HubClient;
import io.lorikeet.finetune.hub.HubHead;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.memory.MemoryPlan;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/// `lorikeet plan`. Its flags are the settings of a training run, of which it needs the base.
@Command(
    name = "plan",
    description = {
      "Say what memory a training run needs before it starts, and whether it fits.",
      "Exit code 0 where it fits, 1 where it doesn't.",
      "Takes the options of train, of which only --model is needed. Of the base it reads only the head, so a file"
          + " that is still being downloaded will do. hf:OWNER/REPO/FILE plans for a file on a hub, of which it fetches"
          + " the head; --shape plans for a well-known shape."
    },
    modelTransformer = TrainingFlags.class)
@Inputs(value = "--model", needed = 0)
final class PlanCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = NumberOptions.Size.class,
      description = "plan for a GPU with this much free memory, such as 24GB, that needn't be here")
  private @Nullable Long memory;

  @Option(
      names = "--shape",
      paramLabel = "NAME:TYPE",
      description =
          "plan for a base that isn't here, such as Llama-3.1-8B or Qwen3-30B-A3B:IQ4_XS (type:"
              + " Q4_K_M by default); 'list' lists the shapes")
  private @Nullable String shape;

  @Option(names = "--json", description = "print the plan as JSON")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    ParseResult parsed = spec.commandLine().getParseResult();
    TrainingOptions options = TrainingFlags.given(parsed);
    if (shape == null) {
      Optional<HubFile> remote =
          options.get(Settings.MODEL).map(Path::toString).filter(HubFile::isName).map(HubFile::of);
      return remote.isPresent()
          ? plan(options, remote.get())
          : plan(TrainingFlags.options(parsed), Optional.empty());
    }
    if (shape.equalsIgnoreCase(PlannedShape.LIST)) {
      PlannedShape.table().forEach(spec.commandLine().getOut()::println);
      return 0;
    }
    if (options.get(Settings.MODEL).isPresent()) {
      throw new InvalidInputException("give either --model or --shape");
    }
    try (PlannedShape head = new PlannedShape(shape)) {
      options.set(Settings.MODEL, head.file());
      return plan(options, Optional.of(head.name()));
    }
  }

  /// Plans for a file that isn't here.
  private int plan(TrainingOptions options, HubFile remote) throws IOException {
    try (HubClient client = HubClient.ofUser();
        HubHead head = new HubHead(client, remote)) {
      return plan(options.set(Settings.MODEL, head.file()), Optional.of(remote.toString()));
    }
  }

  /// @param name of a base that isn't here
  private int plan(TrainingOptions options, Optional<String> name) throws IOException {
    TrainingConfig config = config(options);
    try (GgufFile base = GgufFile.openHeader(config.get(Settings.MODEL))) {
      MemoryForecast forecast =
          MemoryForecast.of(
              base, config, memory == null ? OptionalLong.empty() : OptionalLong.of(memory));
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        out.println(asJson(forecast));
      } else {
        String shown = name.orElse(config.get(Settings.MODEL).toString());
        MemoryPlanText.of(shown, base, config, forecast).forEach(out::println);
        forecast
            .hostLimit()
            .ifPresent(limit -> out.println("the host's memory is bounded by " + limit));
        forecast.advice().ifPresent(out::println);
      }
      return forecast.fits() ? 0 : 1;
    }
  }

  /// The configuration with placeholders for files that only a run needs: no data is read, nothing
  /// is written.
  private static TrainingConfig config(TrainingOptions options) throws IOException {
    Optional<Path> model = options.get(Settings.MODEL);
    if (model.isPresent() && options.get(Settings.DATA).isEmpty()) {
      options.set(Settings.DATA, List.of(DataSource.of(model.get())));
    }
    if (options.get(Settings.OUTPUT).isEmpty()) {
      options.set(Settings.OUTPUT, Path.of("planned-adapter.gguf"));
    }
    return options.resolve(PlanCommand::contextOf);
  }

  private static int contextOf(Path model) {
    try (GgufFile base = GgufFile.openHeader(model)) {
      return ModelConfig.of(base).contextLength();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String asJson(MemoryForecast forecast) throws IOException {
    MemoryPlan plan = forecast.plan();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("fits", forecast.fits());
    values.put("available_device_bytes", forecast.available());
    values.put("device_bytes", plan.device());
    values.put("host_bytes", plan.host());
    values.put("mapped_bytes", plan.mapped());
    values.put("longest_context", forecast.longestContext());
    values.put("placement", plan.placement());
    values.put("items", plan.items());
    return JsonText.of(values);
  }
}

package io.lorikeet.cli;

import io.lorikeet.finetune.BaseContext;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.OddExamples;
import io.lorikeet.train.data.TextEncoding;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `lorikeet data`.
@Command(
    name = "data",
    description = {
      "Show what a base would be trained on: figures, traps, and examples as the model sees them.",
      "Needs --model and --data; takes the settings of train that have to do with data."
    },
    modelTransformer = DataFlags.class)
@Inputs(
    value = {"--model", "--data"},
    needed = 0)
final class DataCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--show",
      paramLabel = "N",
      converter = NumberOptions.Shown.class,
      description = "examples to show (default: ${DEFAULT-VALUE})")
  private int shown = 3;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    TrainingConfig config =
        TrainingFlags.options(spec.commandLine().getParseResult())
            .resolveData(DataCommand::contextOf);
    Path model = config.get(Settings.MODEL);
    DataSettings settings = new DataSettings(config, windowOf(model));
    ProgressLine line = ProgressLine.of(spec);
    List<TrainingEvent> said = new ArrayList<>();
    TrainingProgress progress = new TrainingProgress(line);
    try (Tokenizer tokenizer = Tokenizer.open(model)) {
      TextEncoding encoding = TextEncoding.of(tokenizer, settings.find(Settings.CHAT_TEMPLATE));
      try (TrainingData data =
          TrainingData.load(
              settings,
              encoding,
              event -> {
                said.add(event);
                if (!json) {
                  progress.on(event);
                }
              })) {
        line.clear();
        DataReport report =
            new DataReport(
                settings,
                data,
                data.figures(encoding),
                oddities(settings, encoding),
                said,
                tokenizer);
        if (json) {
          report.printJson(out, shown);
        } else {
          report.print(out);
          report.printExamples(out, shown, line.isTerminal());
        }
      }
    } catch (InvalidInputException e) {
      if (json) { // else they were said already
        said.forEach(this::tellWarning);
      }
      throw e;
    }
    return 0;
  }

  private void tellWarning(TrainingEvent event) {
    if (event instanceof TrainingEvent.Warning(String text)) {
      spec.commandLine().getErr().println("warning: " + text);
    }
  }

  private static int contextOf(Path model) {
    try (GgufFile base = GgufFile.open(model)) {
      return BaseContext.length(base);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int windowOf(Path model) {
    try (GgufFile base = GgufFile.open(model)) {
      return BaseContext.window(base);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<OddExamples.Oddity> oddities(DataSettings settings, TextEncoding encoding)
      throws IOException {
    OddExamples odd = new OddExamples(encoding);
    TrainingData.read(settings, odd::add);
    return odd.found();
  }
}

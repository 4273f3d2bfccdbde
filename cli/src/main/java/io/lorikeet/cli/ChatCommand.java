package io.lorikeet.cli;

import io.lorikeet.finetune.BaseContext;
import io.lorikeet.finetune.serving.TemplateChoice;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.text.ChatSession;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.quant.GgufFile;
import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `lorikeet chat`.
@Command(
    name = "chat",
    description = {
      "Talk with a base in stock llama.cpp, and change its adapters' scales while it runs.",
      "Reads a line at a time; /help lists what else it understands. Ctrl-C stops a reply."
    })
@Inputs(
    value = {"--model", "--adapter"},
    needed = 1)
final class ChatCommand implements Callable<Integer> {
  private static final int DEFAULT_CONTEXT = 4096;

  @Spec private CommandSpec spec;

  @Mixin private BaseOption model = new BaseOption();

  @Mixin private AdaptersOption adapters = new AdaptersOption();

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "system message before the conversation")
  private Optional<String> system = Optional.empty();

  @Option(
      names = {"--chat-template", "--template"},
      paramLabel = "NAME|FILE",
      description = {
        "chat template: one of the base's or built in by its name, or a file (default: the one that",
        "the adapters were trained with, or else the base's own)"
      })
  private Optional<String> template = Optional.empty();

  @Option(
      names = "--context",
      paramLabel = "TOKENS",
      converter = NumberOptions.Context.class,
      description =
          "tokens the conversation may have (default: 4096, or the base's context if shorter)")
  private Optional<Integer> context = Optional.empty();

  @Option(
      names = "--tokens",
      paramLabel = "N",
      converter = NumberOptions.TokenCount.class,
      description = "tokens of a reply at most (default: ${DEFAULT-VALUE})")
  private int tokens = 1024;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      converter = NumberOptions.TemperatureOption.class,
      description = "0 for the likeliest token always (default: ${DEFAULT-VALUE})")
  private float temperature = 0.8f;

  @Option(
      names = "--seed",
      paramLabel = "N",
      converter = NumberOptions.Seed.class,
      description = "the same seed gives the same replies (default: ${DEFAULT-VALUE})")
  private long seed = 42;

  @Option(
      names = "--force",
      description = "take adapters that were made for another base, if their shapes fit")
  private boolean force;

  @Mixin private ThreadsOption threads = new ThreadsOption();

  @Override
  public Integer call() throws IOException {
    List<AdapterArgument> arguments = adapters.arguments();
    try (GgufFile base = GgufFile.open(model.file())) {
      List<TrainedTemplate> trained = new ArrayList<>();
      for (AdapterArgument adapter : arguments) {
        AdapterFile.read(adapter.file(), base, force).template().ifPresent(trained::add);
      }
      int length =
          NumberOptions.contextLength(spec, context, DEFAULT_CONTEXT, BaseContext.length(base));
      ChatTemplate chat = TemplateChoice.of(base, template, trained);
      try (ChatSession session =
          ChatSession.open(model.file(), chat, system, length, threads.count())) {
        ChatLoop loop =
            new ChatLoop(
                session,
                file -> AdapterFile.read(file, base, force),
                new ChatLoop.Limits(tokens, temperature, seed),
                spec.commandLine().getOut(),
                onTerminal());
        for (AdapterArgument adapter : arguments) {
          loop.addAdapter(adapter.file(), (float) adapter.scale());
        }
        loop.run(new BufferedReader(new InputStreamReader(System.in, inputEncoding())));
      }
    }
    return 0;
  }

  /// Whether a person both types and reads.
  private static boolean onTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  private static Charset inputEncoding() {
    return Charset.forName(System.getProperty("stdin.encoding", "UTF-8"));
  }
}

package io.lorikeet.cli;

import io.lorikeet.finetune.BaseContext;
import io.lorikeet.finetune.LlamaSession;
import io.lorikeet.finetune.serving.TemplateChoice;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.text.ChatTokenizer;
import io.lorikeet.models.text.TextGenerator;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.models.text.template.ServedTemplate;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `lorikeet generate`.
@Command(
    name = "generate",
    description = "Continue a prompt with stock llama.cpp, with an adapter or without.")
@Inputs(
    value = {"--model", "--adapter"},
    needed = 1)
final class GenerateCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private BaseOption model = new BaseOption();

  @Option(names = "--adapter", paramLabel = "FILE", description = "adapter, a GGUF file")
  private Optional<Path> adapter = Optional.empty();

  @Option(
      names = "--prompt",
      required = true,
      paramLabel = "TEXT",
      description = "text to continue; names of control tokens in it are taken for the tokens")
  private String prompt;

  @Option(
      names = "--chat",
      description = {
        "take the prompt for what a user says, and print the reply: written with the chat template",
        "that the adapter was trained with, or else with the base's own"
      })
  private boolean chat;

  @Option(
      names = "--chat-template",
      paramLabel = "NAME|FILE",
      description = "another chat template for --chat: one of the base's, built in, or a file")
  private Optional<String> template = Optional.empty();

  @Option(
      names = "--tokens",
      paramLabel = "N",
      converter = NumberOptions.TokenCount.class,
      description = "tokens to generate at most (default: ${DEFAULT-VALUE})")
  private int tokens = 128;

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
      description = "the same seed gives the same text (default: ${DEFAULT-VALUE})")
  private long seed = 42;

  @Mixin private ThreadsOption threads = new ThreadsOption();

  @Override
  public Integer call() throws IOException {
    if (template.isPresent() && !chat) {
      throw new ParameterException(spec.commandLine(), "--chat-template is for --chat");
    }
    PrintWriter out = spec.commandLine().getOut();
    LlamaSession.checkAdapter(model.file(), adapter);
    TextGenerator.Sampling sampling = new TextGenerator.Sampling(tokens, temperature, seed);
    Prompt given = prompt();
    try (TextGenerator generator =
        TextGenerator.open(model.file(), adapter, given.contextLength(), threads.count())) {
      if (!generator.isAdapted(given.tokens())) {
        spec.commandLine()
            .getErr()
            .println("note: the adapter's invocation isn't in the prompt: the base answers alone");
      }
      out.print(chat ? "" : prompt);
      generator.generate(
          given.tokens(),
          sampling,
          text -> {
            out.print(text);
            out.flush();
          });
      out.println();
    }
    return 0;
  }

  /// A prompt's tokens.
  ///
  /// @param contextLength as many tokens as this prompt and its continuation need
  private record Prompt(int[] tokens, int contextLength) {}

  private Prompt prompt() throws IOException {
    try (GgufFile base = GgufFile.open(model.file());
        Tokenizer tokenizer = Tokenizer.open(base)) {
      int[] encoded = chat ? asked(base, tokenizer) : tokenizer.encode(prompt, true, true);
      long needed = (long) encoded.length + tokens;
      int most = BaseContext.length(base);
      if (needed > most) {
        throw new InvalidInputException(
            "the prompt and --tokens %s need a context of %s tokens; the base was made for %s"
                .formatted(tokens, needed, most));
      }
      return new Prompt(encoded, (int) needed);
    }
  }

  /// The tokens of a conversation in which a user has said the prompt.
  private int[] asked(GgufFile base, Tokenizer tokenizer) throws IOException {
    Optional<TrainedTemplate> trained =
        adapter.isPresent() ? AdapterFile.template(adapter.get()) : Optional.empty();
    ServedTemplate served =
        ServedTemplate.of(
            TemplateChoice.of(base, template, trained.stream().toList()),
            Optional.empty(),
            tokenizer.vocabulary());
    Conversation said = Conversation.of(Conversation.Message.of("user", prompt));
    return new ChatTokenizer(tokenizer.vocabulary()).encode(served.render(said, true));
  }
}

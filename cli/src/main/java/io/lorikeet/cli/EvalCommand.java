package io.lorikeet.cli;

import io.lorikeet.export.TextLoss;
import io.lorikeet.finetune.LlamaSession;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.train.data.TextEncoding;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.ProcessorCores;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `lorikeet eval`.
@Command(
    name = "eval",
    description =
        "Loss and perplexity of a file's examples in stock llama.cpp, without and with an adapter.")
@Inputs(
    value = {"--model", "--data", "--adapter"},
    needed = 2)
final class EvalCommand implements Callable<Integer> {
  private static final int DEFAULT_CONTEXT = 2048;

  @Spec private CommandSpec spec;

  @Option(names = "--model", paramLabel = "FILE", description = "base, a GGUF file")
  private Path model;

  @Option(names = "--adapter", paramLabel = "FILE", description = "adapter, a GGUF file")
  private Optional<Path> adapter = Optional.empty();

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description = "examples, as train takes them; only completions count where there are prompts")
  private Path data;

  @Option(
      names = "--chat-template",
      paramLabel = "NAME|FILE",
      description = "template for chats (default: the base's own)")
  private Optional<String> chatTemplate = Optional.empty();

  @Option(
      names = "--context",
      paramLabel = "TOKENS",
      converter = NumberOptions.Context.class,
      description = "longer examples are cut (default: 2048, or the base's context if shorter)")
  private Optional<Integer> context = Optional.empty();

  @Option(
      names = "--threads",
      paramLabel = "N",
      converter = NumberOptions.Threads.class,
      description = "CPU threads (default: the physical cores)")
  private int threads = ProcessorCores.physical();

  @Override
  public Integer call() throws IOException {
    ProgressLine line = ProgressLine.of(spec);
    try (LlamaSession session = LlamaSession.open(model, adapter)) {
      int length = contextLength(session.contextLength());
      List<TokenizedExample> examples;
      try (Tokenizer tokenizer = Tokenizer.open(model)) {
        examples =
            TrainingData.tokenize(
                List.of(data),
                DataSettings.of(length),
                TextEncoding.of(tokenizer, chatTemplate),
                new TrainingProgress(line));
      }
      measure(session, false, examples, length, line);
      if (session.hasAdapter()) {
        measure(session, true, examples, length, line);
      }
    }
    return 0;
  }

  private int contextLength(int ofBase) {
    int length = context.orElse(Math.min(DEFAULT_CONTEXT, ofBase));
    if (length < 2 || length > ofBase) {
      throw new ParameterException(
          spec.commandLine(),
          "--context must be from 2 to the base's " + ofBase + ", is " + length);
    }
    return length;
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
            threads,
            done -> line.update(name + ": " + done + " of " + examples.size() + " examples"));
    line.println(
        "%s: loss %s over %s tokens"
            .formatted(name, Words.loss(loss.mean()), Words.count(loss.targets())));
  }
}

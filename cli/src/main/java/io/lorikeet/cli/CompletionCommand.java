package io.lorikeet.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `lorikeet completion`.
@Command(
    name = "completion",
    description = {
      "Print the script by which a shell completes commands, options and their values.",
      "In bash: source <(lorikeet completion bash). In fish: lorikeet completion fish | source."
    })
@Inputs(value = "--shell", needed = 1)
final class CompletionCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--shell", paramLabel = "bash|zsh|fish", description = "the shell")
  private String shell;

  @Override
  public Integer call() {
    spec.commandLine().getOut().print(Shell.named(shell).script(CompletionWords.program()));
    return 0;
  }
}

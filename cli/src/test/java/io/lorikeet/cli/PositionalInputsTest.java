package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collection;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

class PositionalInputsTest {

  @ParameterizedTest
  @CsvSource({
    "verify b a, --model b --adapter a",
    "verify --model b a, --model b --adapter a",
    "verify a --model b, --model b --adapter a",
    "verify --adapter a b, --model b --adapter a",
    "generate b --prompt x, --model b",
    "generate b a --prompt x, --model b --adapter a",
    "chat b a1 a2:0.5, --model b --adapter a1|a2:0.5",
    "eval b d a, --model b --data d --adapter a",
    "eval b --data d a, --model b --data d --adapter a",
    "merge b a1 a2 --output o, --model b --adapter a1|a2 --output o",
    "merge --model b --adapter a1 --adapter a2 --output o, --adapter a1|a2",
    "train b d1 d2 --output o, --model b --data d1|d2 --output o",
    "train --data d1 d2 --model b, --model b --data d1|d2",
    "data b d, --model b --data d",
    "init b d, --model b --data d",
    "completion fish, --shell fish",
    "plan b, --model b",
    "bench b, --model b",
    "quantize i o --type Q4_0, --model i --output o",
    "quantize --model i --output o --type Q4_0, --model i --output o",
    "quantize i --output o --type Q4_0, --model i --output o",
    "convert f o, --model f --output o",
    "imatrix b d --output o, --model b --data d",
    "export b a --format GGUF --output o, --model b --adapter a",
    "import f --model b --output o, --model b --adapter f",
    "import b f --output o, --model b --adapter f",
    "combine a1 a2 --output o, --adapter a1|a2 --output o",
    "resize a --rank 1 --output o, --adapter a --output o",
    "pull hf:o/r/f x, --model hf:o/r/f --output x",
    "deploy a --to ollama, --adapter a",
    "serve a, --adapter a",
    "diff a1 a2, --adapter a1|a2",
    "diff --adapter a1 --adapter a2, --adapter a1|a2",
    "inspect a --model b, --model b --adapter a",
  })
  void optionsAndPositionsAreTheSame(String arguments, String options) {
    CommandSpec spec = parse(arguments).commandSpec();
    String[] expected = options.split(" ", -1);
    for (int i = 0; i < expected.length; i += 2) {
      assertEquals(expected[i + 1], text(spec.findOption(expected[i]).getValue()), expected[i]);
    }
  }

  @Test
  void whatIsMissingOrTooMuchIsNamed() {
    assertMissing("--adapter", "merge b --output o");
    assertMissing("--adapter", "merge --model b --output o");
    assertMissing("--model", "verify --adapter a");
    assertMissing("--output", "quantize --model i --type Q4_0");
    assertThrows(UnmatchedArgumentException.class, () -> parse("verify b a more"));
    assertThrows(UnmatchedArgumentException.class, () -> parse("verify --model b a more"));
    CommandRun.of("verify", "b", "a", "more").assertFails(2, "unknown argument 'more'");
    CommandRun.of("resize", "--rank", 4).assertFails(2, "--adapter is missing");
    CommandRun.of("diff", "a").assertFails(2, "two adapters");
  }

  private static void assertMissing(String option, String arguments) {
    MissingParameterException e =
        assertThrows(MissingParameterException.class, () -> parse(arguments));
    assertEquals(option + " is missing", ArgumentProblem.inWords(e));
  }

  /// A command with a file of its own for an option has none that only a position can give.
  @Test
  void everyCommandFollowsThePattern() {
    Set<String> files = Set.of("--model", "--adapter", "--data", "--run", "--folder", "--shell");
    for (CommandLine command : program().getSubcommands().values()) {
      CommandSpec spec = command.getCommandSpec();
      boolean hasFiles = files.stream().anyMatch(spec.optionsMap()::containsKey);
      assertEquals(hasFiles ? 1 : 0, spec.positionalParameters().size(), spec.name());
      if (hasFiles) {
        assertTrue(spec.userObject().getClass().isAnnotationPresent(Inputs.class), spec.name());
      }
    }
  }

  private static CommandLine program() {
    CommandLine program = Main.program(new Main(new Interruption(Screen.none()), Screen.none()));
    PositionalInputs.addTo(program);
    return program;
  }

  private static ParseResult parse(String arguments) {
    ParseResult command = program().parseArgs(arguments.split(" ")).subcommand();
    PositionalInputs.assign(command);
    return command;
  }

  /// Several values with `|` between them, nothing for none.
  private static String text(Object value) {
    return switch (value) {
      case null -> "";
      case Optional<?> optional -> optional.map(String::valueOf).orElse("");
      case Collection<?> several ->
          String.join("|", several.stream().map(String::valueOf).toList());
      default -> value.toString();
    };
  }
}

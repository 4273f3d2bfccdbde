package io.lorikeet.cli;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import picocli.AutoComplete;
import picocli.CommandLine;

/// A shell that can complete what is typed.
enum Shell {
  /// File names are bash's own business: picocli would leave them out where it knows no type.
  BASH(
      program ->
          AutoComplete.bash(program.getCommandName(), program)
              .replace("  type compopt &>/dev/null && compopt +o default\n", "")),
  ZSH(ZshCompletion::script),
  FISH(FishCompletion::script);

  private final Function<CommandLine, String> maker;

  Shell(Function<CommandLine, String> maker) {
    this.maker = maker;
  }

  /// The one with this name.
  ///
  /// @throws InvalidInputException when there is none
  static Shell named(String name) {
    List<String> names = Arrays.stream(values()).map(Shell::toString).toList();
    int index = names.indexOf(name.toLowerCase(Locale.ROOT));
    if (index < 0) {
      throw new InvalidInputException(
          "--shell: expected %s, found '%s'%s"
              .formatted(String.join(", ", names), name, NearestName.hint(name, names)));
    }
    return values()[index];
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The script by which it completes the program's arguments.
  String script(CommandLine program) {
    return maker.apply(program);
  }
}

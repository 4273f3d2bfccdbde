package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/// NullAway leaves out fields that picocli sets. So this test asks of each whether it may be null.
class MissingOptionsTest {
  @Test
  void fieldsOfOptionsThatMayBeMissingSaySo() {
    CommandLine program = Main.program(new Main(new Interruption(Screen.none()), Screen.none()));
    List<CommandLine> commands = new ArrayList<>(program.getSubcommands().values());
    commands.add(program);
    List<String> silent = new ArrayList<>();
    int fields = 0;
    for (CommandLine command : commands) {
      for (OptionSpec option : command.getCommandSpec().options()) {
        if (option.userObject() instanceof Field field) {
          fields++;
          if (!isGiven(command, option) && !isNullable(field) && option.getValue() == null) {
            silent.add(command.getCommandName() + " " + option.longestName());
          }
        }
      }
    }
    assertEquals(List.of(), silent, "make these Optional, or @Nullable");
    assertTrue(fields > 80, "only " + fields);
  }

  private static boolean isNullable(Field field) {
    return field.getAnnotatedType().isAnnotationPresent(Nullable.class);
  }

  private static boolean isGiven(CommandLine command, OptionSpec option) {
    Inputs inputs = command.getCommandSpec().userObject().getClass().getAnnotation(Inputs.class);
    return option.required()
        || inputs != null
            && Arrays.asList(inputs.value())
                .subList(0, inputs.needed())
                .contains(option.longestName());
  }
}

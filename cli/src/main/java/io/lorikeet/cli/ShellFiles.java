package io.lorikeet.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine;

/// Writes the files by which a shell knows the program: manual pages and completions, in the places
/// below `/usr/local/share` where they are looked for. The distribution is made with it.
final class ShellFiles {
  private ShellFiles() {}

  /// @param arguments the folder `share`
  public static void main(String[] arguments) throws IOException {
    Locale.setDefault(Locale.ROOT);
    write(Path.of(arguments[0]));
  }

  /// Writes them below a folder.
  static void write(Path share) throws IOException {
    CommandLine program = CompletionWords.program();
    for (CommandLine command : CompletionWords.pages(program)) {
      write(share.resolve("man/man1").resolve(ManPage.name(command) + ".1"), ManPage.of(command));
    }
    String name = program.getCommandName();
    write(share.resolve("bash-completion/completions").resolve(name), Shell.BASH.script(program));
    write(share.resolve("zsh/site-functions").resolve("_" + name), Shell.ZSH.script(program));
    write(
        share.resolve("fish/vendor_completions.d").resolve(name + ".fish"),
        Shell.FISH.script(program));
  }

  private static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}

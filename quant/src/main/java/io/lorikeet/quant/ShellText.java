package io.lorikeet.quant;

import java.nio.file.Path;
import java.util.regex.Pattern;

/// Words of commands that are printed to be pasted into a shell: POSIX's, bash and zsh.
public final class ShellText {
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_./@%+=:,-]+");

  private ShellText() {}

  /// This program, as the user has called its launcher, which tells it in `lorikeet.command`.
  public static String program() {
    return quoted(System.getProperty("lorikeet.command", "lorikeet"));
  }

  /// A path as one word. One that a program would take for an option or for a file of arguments
  /// gets `./` in front.
  public static String quoted(Path path) {
    String text = path.toString();
    return quoted(text.startsWith("-") || text.startsWith("@") ? "./" + text : text);
  }

  /// A text as one word. Control characters, which a terminal would obey, are written as numbers.
  public static String quoted(String text) {
    if (PLAIN.matcher(text).matches()) {
      return text;
    }
    if (text.chars().noneMatch(Character::isISOControl)) {
      return "'" + text.replace("'", "'\\''") + "'";
    }
    StringBuilder word = new StringBuilder("$'");
    for (char c : text.toCharArray()) {
      if (c == '\'' || c == '\\') {
        word.append('\\').append(c);
      } else if (Character.isISOControl(c)) {
        word.append("\\u%04x".formatted((int) c));
      } else {
        word.append(c);
      }
    }
    return word.append("'").toString();
  }
}

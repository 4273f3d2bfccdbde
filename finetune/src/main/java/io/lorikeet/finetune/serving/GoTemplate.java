package io.lorikeet.finetune.serving;

/// Writes a [TurnFormat] in the language of Ollama's templates, Go's `text/template`. All texts are
/// quoted and on one line, so that it can be indented and pasted without being changed.
final class GoTemplate {
  private GoTemplate() {}

  static String of(TurnFormat format) {
    StringBuilder out = new StringBuilder();
    String told = format.others() == TurnFormat.Others.ALIKE ? beforeSystem(format) : "";
    out.append(choice(".System", text(told), text(format.lead())));
    out.append("{{ range $i, $m := .Messages }}");
    switch (format.others()) {
      case ALIKE -> out.append(named(format));
      case NAMED, AS_USER -> {
        out.append(system(format)).append(assistant(format));
        out.append("{{ else }}").append(user(format)).append("{{ end }}");
      }
      case AS_ASSISTANT -> {
        out.append(system(format)).append("{{ else if eq .Role \"user\" }}").append(user(format));
        out.append("{{ else }}").append(around(format.assistant())).append("{{ end }}");
      }
      case LEFT_OUT -> {
        out.append(system(format)).append(assistant(format));
        out.append("{{ else if eq .Role \"user\" }}").append(user(format)).append("{{ end }}");
      }
    }
    return out.append("{{ end }}").append(text(format.end())).toString();
  }

  private static String system(TurnFormat format) {
    return "{{ if eq .Role \"system\" }}" + around(format.system());
  }

  private static String assistant(TurnFormat format) {
    return "{{ else if eq .Role \"assistant\" }}" + around(format.assistant());
  }

  private static String user(TurnFormat format) {
    if (format.others() == TurnFormat.Others.NAMED) {
      return named(format);
    }
    String open = text(format.user().open());
    boolean joined = format.joined() && !open.isEmpty();
    return (joined ? "{{ if not (and $.System (eq $i 1)) }}" + open + "{{ end }}" : open)
        + "{{ .Content }}"
        + text(format.user().close());
  }

  /// A turn with the role's name.
  private static String named(TurnFormat format) {
    String open = format.user().open();
    int role = open.indexOf(TurnFormat.ROLE);
    return text(open.substring(0, role))
        + "{{ .Role }}"
        + text(open.substring(role + TurnFormat.ROLE.length()))
        + "{{ .Content }}"
        + text(format.user().close());
  }

  /// The text before the system's turn, where turns are alike.
  private static String beforeSystem(TurnFormat format) {
    String turn = format.user().open().replaceFirst(TurnFormat.ROLE, "system");
    String open = format.system().open();
    return open.substring(0, open.length() - turn.length());
  }

  private static String choice(String condition, String then, String otherwise) {
    if (then.equals(otherwise)) {
      return then;
    }
    return then.isEmpty()
        ? "{{ if not " + condition + " }}" + otherwise + "{{ end }}"
        : "{{ if "
            + condition
            + " }}"
            + then
            + (otherwise.isEmpty() ? "" : "{{ else }}" + otherwise)
            + "{{ end }}";
  }

  private static String around(TurnFormat.Around texts) {
    return text(texts.open()) + "{{ .Content }}" + text(texts.close());
  }

  /// An action that writes a text; nothing for none.
  private static String text(String text) {
    if (text.isEmpty()) {
      return "";
    }
    StringBuilder out = new StringBuilder("{{ \"");
    text.codePoints()
        .forEach(
            code -> {
              switch (code) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                  if (code < ' ' || code == 0x7f) {
                    out.append("\\x%02x".formatted(code));
                  } else {
                    out.appendCodePoint(code);
                  }
                }
              }
            });
    return out.append("\" }}").toString();
  }
}

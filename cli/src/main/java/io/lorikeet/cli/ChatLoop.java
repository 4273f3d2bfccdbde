package io.lorikeet.cli;

import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.text.ChatSession;
import io.lorikeet.models.text.TextGenerator;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// Reads what a person says line by line and prints the replies; lines that begin with a slash are
/// for the program.
final class ChatLoop {
  private static final List<String> HELP =
      List.of(
          "/adapter               the adapters and their scales",
          "/adapter NAME SCALE    change one's scale; 0 takes it out, several mix",
          "/adapter FILE [SCALE]  load another",
          "/reset                 begin a new conversation",
          "/history               the conversation so far",
          "/quit                  leave, as the end of input does");

  /// Checks an adapter's file against the base.
  @FunctionalInterface
  interface AdapterChecker {
    Object check(Path file) throws IOException;
  }

  /// @param tokens tokens of a reply at most
  /// @param temperature as samplers take it
  /// @param seed of the first reply; each further one has the next
  record Limits(int tokens, float temperature, long seed) {}

  private final ChatSession session;
  private final AdapterChecker checker;
  private final Limits limits;
  private final PrintWriter out;
  private final boolean terminal;
  private long replies;

  ChatLoop(
      ChatSession session,
      AdapterChecker checker,
      Limits limits,
      PrintWriter out,
      boolean terminal) {
    this.session = session;
    this.checker = checker;
    this.limits = limits;
    this.out = out;
    this.terminal = terminal;
  }

  /// Adds an adapter that was checked, under the name of its file.
  void addAdapter(Path file, float scale) {
    String name = file.getFileName().toString().replaceFirst("(?i)\\.gguf$", "");
    session.load(name, file);
    session.scale(name, scale);
  }

  /// Talks until the input ends.
  void run(BufferedReader input) throws IOException {
    if (terminal) {
      out.println("/help lists the commands; Ctrl-C stops a reply, Ctrl-D leaves.");
      listAdapters();
    }
    while (true) {
      if (terminal) {
        out.print("> ");
        out.flush();
      }
      String line = input.readLine();
      if (line == null || line.strip().equals("/quit")) {
        return;
      }
      if (line.isBlank()) {
        continue;
      }
      try {
        if (line.startsWith("/")) {
          command(line.strip().split("\\s+"));
        } else {
          reply(line);
        }
      } catch (InvalidInputException e) {
        out.println(e.getMessage());
      }
      out.flush();
    }
  }

  private void reply(String line) {
    TextGenerator.Sampling sampling =
        new TextGenerator.Sampling(limits.tokens(), limits.temperature(), limits.seed() + replies);
    replies++;
    try (InterruptKey key = new InterruptKey()) {
      long start = System.nanoTime();
      ChatSession.Reply reply =
          session.say(
              line,
              sampling,
              key::pressed,
              text -> {
                out.print(text);
                out.flush();
              });
      double seconds = (System.nanoTime() - start) / 1e9;
      out.println(reply.ended() ? "" : key.pressed() ? " [stopped]" : " [cut off]");
      if (terminal) {
        out.println(
            String.format(
                Locale.ROOT,
                "(%d tokens in %.1f s; of the prompt's %d %d were computed before)",
                reply.tokens(),
                seconds,
                reply.promptTokens(),
                reply.reusedTokens()));
      }
    }
  }

  private void command(String[] words) throws IOException {
    switch (words[0]) {
      case "/help" -> HELP.forEach(out::println);
      case "/adapter" -> adapter(words);
      case "/reset" -> {
        session.reset();
        out.println("a new conversation");
      }
      case "/history" -> {
        for (Conversation.Message message : session.history()) {
          out.println(message.role() + ": " + message.text());
        }
      }
      default -> {
        List<String> commands = HELP.stream().map(line -> line.split(" ")[0]).toList();
        String hint = NearestName.hint(words[0], commands);
        out.println("unknown: " + words[0] + hint + " (/help lists the commands)");
      }
    }
  }

  private void adapter(String[] words) throws IOException {
    if (words.length > 3) {
      throw new InvalidInputException("it is /adapter NAME SCALE");
    }
    if (words.length > 1) {
      boolean known = session.scales().containsKey(words[1]);
      if (words.length == 2 && known) {
        throw new InvalidInputException("which scale? It is /adapter NAME SCALE");
      }
      float scale = words.length == 3 ? scale(words[2]) : 1;
      Path file = Path.of(words[1]);
      if (!known && Files.isRegularFile(file)) {
        checker.check(file);
        addAdapter(file, scale);
      } else {
        session.scale(words[1], scale);
      }
    }
    listAdapters();
  }

  private static float scale(String word) {
    try {
      return (float) NumberOptions.scale(word);
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException("scale: " + e.getMessage(), e);
    }
  }

  private void listAdapters() {
    if (session.scales().isEmpty()) {
      out.println("no adapters");
    }
    session.scales().forEach((name, scale) -> out.println("adapter " + name + " at " + scale));
  }
}

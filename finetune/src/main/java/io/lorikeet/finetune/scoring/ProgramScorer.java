package io.lorikeet.finetune.scoring;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.models.chat.Conversation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Scores by a program of the user's. It gets one line of JSON for each answer on its standard
/// input, and writes one line for each on its standard output. That is a number from 0 to 1, true
/// or false, or an object with one of these under `score`.
///
/// It is started once, and again after it failed: when it takes longer than it may, ends, or writes
/// anything else. Then all its processes are ended, and the answer counts as a failure.
final class ProgramScorer implements Scorer {
  private static final int LONGEST_LINE = 1 << 16; // bytes of a line, and of errors that are kept

  /// How long the end of its errors is waited for after its processes were ended.
  private static final Duration ERRORS_END = Duration.ofSeconds(2);

  /// After so many failures in a row it isn't started any more.
  private static final int PATIENCE = 5;

  private final String command;
  private final Duration limit;
  private Optional<Running> running = Optional.empty();
  private int failures;
  private String lastFailure = "";

  /// @param command a command line of the shell
  /// @param limit time for one answer
  ProgramScorer(String command, Duration limit) {
    this.command = command;
    this.limit = limit;
  }

  @Override
  public Score score(Question question, String answer) {
    if (failures >= PATIENCE) {
      return Score.failed("not asked after %s failures: %s".formatted(PATIENCE, lastFailure));
    }
    Score score = ask(line(question, answer));
    if (score.failure().isPresent()) {
      failures++;
      lastFailure = score.failure().get();
    } else {
      failures = 0;
    }
    return score;
  }

  private Score ask(byte[] line) {
    FutureTask<String> reply;
    try {
      Running program = running.isPresent() ? running.get() : new Running(command);
      running = Optional.of(program);
      reply = new FutureTask<>(() -> program.reply(line));
    } catch (IOException e) {
      return Score.failed("can't be started: " + e.getMessage());
    }
    Thread.ofPlatform().daemon().name("scorer").start(reply);
    try {
      return read(reply.get(limit.toMillis(), TimeUnit.MILLISECONDS));
    } catch (TimeoutException _) {
      return failed("no reply in " + limit.toMillis() + " ms");
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      return failed(cause == null ? "it can't be asked" : String.valueOf(cause.getMessage()));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return failed("interrupted");
    }
  }

  private Score failed(String why) {
    String errors = running.map(Running::end).orElse("");
    running = Optional.empty();
    return Score.failed(errors.isEmpty() ? why : why + "; it says: " + errors);
  }

  private Score read(String reply) {
    Optional<JsonNode> value = JsonScorers.read(reply);
    JsonNode score = value.map(any -> any.isObject() ? any.path("score") : any).orElse(null);
    if (score != null && score.isBoolean()) {
      return Score.of(score.booleanValue());
    }
    if (score != null && score.isNumber()) {
      double number = score.doubleValue();
      if (number >= 0 && number <= 1) {
        return Score.of(number);
      }
    }
    String shown = reply.length() > 80 ? reply.substring(0, 80) + "…" : reply;
    return failed("expected a number from 0 to 1, or an object with one as 'score'; got " + shown);
  }

  private static byte[] line(Question question, String answer) {
    Map<String, Object> asked = new LinkedHashMap<>();
    asked.put("place", question.place());
    asked.put("prompt", question.prompt());
    if (question.chat().isPresent()) {
      List<Map<String, String>> messages = new ArrayList<>();
      for (Conversation.Message message : question.chat().get().messages()) {
        messages.add(Map.of("role", message.role(), "content", message.text()));
      }
      asked.put("messages", messages);
    }
    asked.put("reference", question.reference());
    asked.put("answer", answer);
    try {
      return (JsonScorers.JSON.writeValueAsString(asked) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("maps and strings are JSON", e);
    }
  }

  @Override
  public void close() {
    running.ifPresent(Running::end);
    running = Optional.empty();
  }

  /// The program at work.
  private static final class Running {
    private final Process process;
    private final ByteArrayOutputStream errors = new ByteArrayOutputStream();
    private final Thread errorReader;

    Running(String command) throws IOException {
      process = new ProcessBuilder("sh", "-c", command).start();
      errorReader = Thread.ofPlatform().daemon().name("scorer errors").start(this::readErrors);
    }

    /// Writes a line and reads one.
    ///
    /// @throws IOException when there is none
    String reply(byte[] line) throws IOException {
      try {
        process.getOutputStream().write(line);
        process.getOutputStream().flush();
      } catch (IOException e) {
        throw new IOException("it has ended, or reads no input", e);
      }
      ByteArrayOutputStream reply = new ByteArrayOutputStream();
      InputStream output = process.getInputStream();
      for (int next = output.read(); next != '\n'; next = output.read()) {
        if (next < 0) {
          throw new IOException("it has ended without a reply");
        }
        if (reply.size() == LONGEST_LINE) {
          throw new IOException("its reply has no line end within " + LONGEST_LINE + " bytes");
        }
        reply.write(next);
      }
      return reply.toString(StandardCharsets.UTF_8);
    }

    /// Reads all, so that the program never waits, and keeps the beginning.
    private void readErrors() {
      byte[] part = new byte[4096];
      try (InputStream stream = process.getErrorStream()) {
        for (int count = stream.read(part); count >= 0; count = stream.read(part)) {
          synchronized (errors) {
            errors.write(part, 0, Math.min(count, LONGEST_LINE - errors.size()));
          }
        }
      } catch (IOException _) {
        // its processes were ended
      }
    }

    /// Ends it and all processes that it has started.
    ///
    /// @return the last line of its errors; their end is waited for, because a line that was
    ///     written may not have been read yet
    String end() {
      List<ProcessHandle> tree = new ArrayList<>(List.of(process.toHandle()));
      while (!tree.isEmpty()) {
        ProcessHandle one = tree.removeLast();
        tree.addAll(one.descendants().toList()); // those that were started meanwhile
        one.destroyForcibly(); // unlike Process.destroyForcibly, closes no stream
      }
      try {
        errorReader.join(ERRORS_END);
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      }
      process.destroyForcibly(); // closes the streams that a process out of the tree may hold
      synchronized (errors) {
        return errors
            .toString(StandardCharsets.UTF_8)
            .lines()
            .filter(line -> !line.isBlank())
            .reduce("", (_, line) -> line.strip());
      }
    }
  }
}

package io.lorikeet.train.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.Beta;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import java.io.BufferedInputStream;
import java.io.BufferedWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// Writes a run's numbers as JSON lines: an object per step, and one marked `"evaluation": true`
/// per validation.
///
/// A step's keys: `step`, `epoch`, `loss` (nats per target token), `learning_rate`, `grad_norm`
/// (before clipping), `target_tokens`, `tokens`, `seconds`, `tokens_per_second`, and with
/// `keep-base` `base_divergence` (nats per neutral token). A validation's:
/// `evaluation`, `step`, `epoch`, `loss`, `target_tokens`, `seconds`. A step that was left out has
/// `step`, `epoch`, `skipped` (why), `skipped_steps` (in all so far) and, if the run went back,
/// `rolled_back_to`. Preferences add `reward_chosen`, `reward_rejected`, `reward_margin`,
/// `reward_accuracy`, `logp_chosen`, `logp_rejected` and, where there is a reference,
/// `reference_distance` (nats per token) to both. Answers to the run's prompts have
/// `sampling`, `step`, `tokens` and `seconds`.
/// Each line is on its way to the disk when the next step begins.
@Beta
public final class MetricsFile implements TrainingListener, AutoCloseable {
  private final ObjectMapper json = new ObjectMapper();
  private final FileChannel channel;
  private final Writer writer;
  private final Optional<EventFile> events;

  /// Opens the file at its end, or makes it.
  ///
  /// @param events written with it, and closed
  public MetricsFile(Path file, Optional<EventFile> events) throws IOException {
    this.events = events;
    channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    writer = new BufferedWriter(Channels.newWriter(channel, StandardCharsets.UTF_8));
  }

  /// Cuts off what a run wrote after the state it goes on from: lines of later steps, later
  /// validations, and half a line at the end.
  ///
  /// @param step steps that are done
  /// @param evaluated steps that were done at the last validation, -1 for none
  public static void cutAfter(Path file, int step, int evaluated) throws IOException {
    if (!Files.exists(file)) {
      return;
    }
    ObjectMapper json = new ObjectMapper();
    long kept = 0;
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      for (int next = in.read(); next >= 0; next = in.read()) {
        line.write(next);
        if (next == '\n') {
          if (!isDone(json, line.toByteArray(), step, evaluated)) {
            break;
          }
          kept += line.size();
          line.reset();
        }
      }
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(kept);
    }
  }

  private static boolean isDone(ObjectMapper json, byte[] text, int step, int evaluated) {
    try {
      JsonNode line = json.readTree(text);
      int last = line.path("evaluation").asBoolean() ? evaluated : step;
      boolean atFirst = step == 0 && line.path("sampling").asBoolean(); // answered anew
      return line.path("step").isInt() && line.path("step").asInt() <= last && !atFirst;
    } catch (IOException _) {
      return false; // a power cut leaves anything
    }
  }

  /// Waits until all lines so far are on disk.
  void force() throws IOException {
    channel.force(false);
  }

  @Override
  public void on(TrainingEvent event) {
    events.ifPresent(file -> file.on(event));
    if (event instanceof TrainingEvent.StepDone done) {
      write(line(done));
    } else if (event instanceof TrainingEvent.Evaluated evaluated) {
      write(line(evaluated));
    } else if (event instanceof TrainingEvent.StepSkipped skipped) {
      write(line(skipped));
    } else if (event instanceof TrainingEvent.Sampled sampled) {
      write(line(sampled));
    }
  }

  private static Map<String, Object> line(TrainingEvent.StepDone done) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("step", done.step());
    line.put("epoch", done.epoch());
    line.put("loss", done.loss());
    line.put("learning_rate", done.learningRate());
    line.put("grad_norm", done.gradientNorm());
    line.put("target_tokens", done.targetTokens());
    line.put("tokens", done.tokens());
    line.put("seconds", done.seconds());
    line.put("tokens_per_second", done.tokensPerSecond());
    done.divergence().ifPresent(nats -> line.put("base_divergence", nats));
    line.putAll(done.figures());
    return line;
  }

  private static Map<String, Object> line(TrainingEvent.StepSkipped skipped) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("step", skipped.step());
    line.put("epoch", skipped.epoch());
    line.put("skipped", skipped.kind());
    line.put("skipped_steps", skipped.skippedSteps());
    skipped.rolledBackTo().ifPresent(step -> line.put("rolled_back_to", step));
    return line;
  }

  private static Map<String, Object> line(TrainingEvent.Evaluated evaluated) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("evaluation", true);
    line.put("step", evaluated.step());
    line.put("epoch", evaluated.epoch());
    line.put("loss", evaluated.loss());
    line.put("target_tokens", evaluated.targetTokens());
    line.put("seconds", evaluated.seconds());
    line.putAll(evaluated.figures());
    return line;
  }

  private static Map<String, Object> line(TrainingEvent.Sampled sampled) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("sampling", true);
    line.put("step", sampled.step());
    line.put("tokens", sampled.tokens());
    line.put("seconds", sampled.seconds());
    return line;
  }

  private void write(Map<String, Object> line) {
    try {
      writer.write(json.writeValueAsString(line));
      writer.write('\n');
      writer.flush();
    } catch (IOException e) {
      throw new UncheckedIOException("can't write the run's metrics: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() throws IOException {
    try (writer) {
      if (events.isPresent()) {
        events.get().close();
      }
    }
  }
}

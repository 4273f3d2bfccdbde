package io.lorikeet.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/// Writes a run's numbers as JSON lines: an object per step, and one marked `"evaluation": true`
/// per validation.
///
/// A step's keys: `step`, `epoch`, `loss` (nats per target token), `learning_rate`, `grad_norm`
/// (before clipping), `target_tokens`, `tokens`, `seconds`, `tokens_per_second`. A validation's:
/// `evaluation`, `step`, `epoch`, `loss`, `target_tokens`, `seconds`. Each line is on its way to
/// the disk when the next step begins.
public final class MetricsFile implements TrainingListener, AutoCloseable {
  private final ObjectMapper json = new ObjectMapper();
  private final BufferedWriter writer;

  /// Opens the file at its end, or makes it.
  public MetricsFile(Path file) throws IOException {
    writer = Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  @Override
  public void on(TrainingEvent event) {
    if (event instanceof TrainingEvent.StepDone done) {
      write(line(done));
    } else if (event instanceof TrainingEvent.Evaluated evaluated) {
      write(line(evaluated));
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
    writer.close();
  }
}

package io.lorikeet.train.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.Beta;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.regex.Pattern;

/// Reads a run's numbers, and afterwards only those that were added. A file that was cut or written
/// anew meanwhile is read from its beginning again. Half a line at the end, of a run that is
/// writing it or was killed, waits for its rest.
@Beta
public final class MetricsReader {
  private static final Pattern REWARD = Pattern.compile("reward_.*");
  private static final Pattern FOUND = Pattern.compile("recall_at_1|mrr");

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PIECE = 1 << 20;

  private final Path file;
  private final long mostNanos;
  private MetricsLines lines = new MetricsLines();
  private long read;
  private byte[] lastLine = {};
  private boolean complete;

  /// @param run the run's folder
  public MetricsReader(Path run) {
    this(run, Duration.ofNanos(Long.MAX_VALUE));
  }

  /// @param run the run's folder
  /// @param most time for one [#read()], which goes on where the one before stopped; one piece of
  ///     the file is always read
  public MetricsReader(Path run, Duration most) {
    file = RunFolder.metrics(run);
    mostNanos = most.toNanos();
  }

  /// The share of the file that was read, from 0 to 1; 1 only when the last [#read()] came to its
  /// end.
  public synchronized double shareRead() throws IOException {
    long size = Files.exists(file) ? Files.size(file) : 0;
    return complete || size == 0 ? 1 : Math.min(0.999, read / (double) size);
  }

  /// All numbers so far, or those of the beginning that the time is enough for.
  ///
  /// @throws InvalidInputException when a line but the last isn't one of a run's metrics
  public synchronized RunMetrics read() throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (!goesOn(channel)) {
        begin();
      }
      readOn(channel);
      return lines.metrics();
    } catch (IOException | RuntimeException e) {
      begin(); // so that it is said again the next time
      throw e;
    }
  }

  private void begin() {
    lines = new MetricsLines();
    read = 0;
    lastLine = new byte[0];
    complete = false;
  }

  /// Whether the file is the one that was read, as its last line of then tells.
  private boolean goesOn(FileChannel channel) throws IOException {
    ByteBuffer before = ByteBuffer.allocate(lastLine.length);
    while (before.hasRemaining()) {
      if (channel.read(before, read - lastLine.length + before.position()) < 0) {
        return false;
      }
    }
    return Arrays.equals(before.array(), lastLine);
  }

  private void readOn(FileChannel channel) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(PIECE);
    channel.position(read);
    long start = System.nanoTime();
    complete = false;
    do {
      if (channel.read(buffer) < 0) {
        complete = true;
        return;
      }
      buffer = addLines(buffer);
    } while (System.nanoTime() - start < mostNanos);
  }

  /// Adds the whole lines in a buffer.
  ///
  /// @return a buffer that begins with the line that isn't whole and has room for more of it
  private ByteBuffer addLines(ByteBuffer buffer) {
    byte[] bytes = buffer.array();
    int end = buffer.position();
    int before = 0;
    int start = 0;
    for (int next = lines.add(bytes, 0, end); next > start; next = lines.add(bytes, next, end)) {
      before = start;
      start = next;
    }
    read += start;
    if (start > 0) {
      lastLine = Arrays.copyOfRange(bytes, before, start);
    }
    buffer.limit(end).position(start).compact();
    return buffer.hasRemaining()
        ? buffer
        : ByteBuffer.allocate(2 * bytes.length).put(buffer.flip());
  }

  /// The lines so far. After a return to an earlier state, what came after that state doesn't
  /// count.
  private final class MetricsLines {
    private final StepLine line = new StepLine();
    private final StepColumns steps = new StepColumns();
    private final TreeMap<Integer, RunMetrics.Validation> validations = new TreeMap<>();
    private final List<RunMetrics.Skip> skips = new ArrayList<>();
    private int count;
    private boolean lastIsBroken;

    /// Adds the line that begins at a place.
    ///
    /// @return the place after its line break; `from` where that isn't there yet
    int add(byte[] bytes, int from, int to) {
      int next = lastIsBroken ? from : line.read(bytes, from, to, steps);
      boolean understood = next > from;
      if (!understood) {
        next = afterLineBreak(bytes, from, to);
      }
      if (next == from) {
        return from;
      }
      if (lastIsBroken) {
        throw new InvalidInputException(
            "%s:%s: this is no line of a run's metrics, which are JSON objects with a 'step'"
                .formatted(file, count));
      }
      count++;
      lastIsBroken = !understood && !parse(bytes, from, next - 1);
      return next;
    }

    private static int afterLineBreak(byte[] bytes, int from, int to) {
      for (int i = from; i < to; i++) {
        if (bytes[i] == '\n') {
          return i + 1;
        }
      }
      return from;
    }

    private boolean parse(byte[] bytes, int from, int to) {
      try {
        JsonNode node = JSON.readTree(bytes, from, to - from);
        if (node.path("step").isInt()) {
          add(node);
          return true;
        }
      } catch (IOException _) {
        // no JSON; said when another line follows
      }
      return false;
    }

    private void add(JsonNode node) {
      int step = node.path("step").asInt();
      double loss = number(node, "loss");
      double seconds = number(node, "seconds");
      if (node.path("evaluation").asBoolean()) {
        validations.put(step, new RunMetrics.Validation(step, loss, seconds, figures(node, FOUND)));
      } else if (node.has("skipped")) {
        skip(step, node);
      } else if (node.has("loss")) {
        steps.put(
            step,
            number(node, "epoch"),
            loss,
            number(node, "learning_rate"),
            number(node, "grad_norm"),
            node.path("target_tokens").asLong(),
            node.path("tokens").asLong(),
            seconds);
        steps.putFigures(step, figures(node, REWARD));
      }
    }

    private void skip(int step, JsonNode node) {
      JsonNode back = node.path("rolled_back_to");
      OptionalInt state = back.isInt() ? OptionalInt.of(back.asInt()) : OptionalInt.empty();
      skips.add(new RunMetrics.Skip(step, node.path("skipped").asText(), state));
      state.ifPresent(
          kept -> {
            steps.forgetAfter(kept);
            validations.tailMap(kept, false).clear();
          });
    }

    private static Map<String, Double> figures(JsonNode node, Pattern keys) {
      Map<String, Double> figures = new TreeMap<>();
      for (Map.Entry<String, JsonNode> entry : node.properties()) {
        if (keys.matcher(entry.getKey()).matches()) {
          figures.put(entry.getKey(), entry.getValue().asDouble(Double.NaN));
        }
      }
      return figures;
    }

    /// Jackson writes what isn't finite as text.
    private static double number(JsonNode node, String key) {
      return node.path(key).asDouble(Double.NaN);
    }

    RunMetrics metrics() {
      return new RunMetrics(steps.list(), List.copyOf(validations.values()), List.copyOf(skips));
    }
  }
}

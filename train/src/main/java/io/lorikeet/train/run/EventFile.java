package io.lorikeet.train.run;

import io.lorikeet.bindings.Beta;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// Writes a run's numbers as an event file that TensorBoard reads: records of TensorFlow's TFRecord
/// format (`tensorflow/core/lib/io/record_writer.h`), each with one message `Event`
/// (`tensorboard/compat/proto/event.proto`). A run that goes on begins another file, with a mark
/// that tells TensorBoard to forget later steps of the ones before.
@Beta
public final class EventFile implements TrainingListener, AutoCloseable {
  /// The constant that is added to rotated checksums.
  private static final int MASK = 0xa282ead8;

  // Fields of the messages, and how they are encoded (protobuf's wire types).
  private static final int WALL_TIME = 1;
  private static final int STEP = 2;
  private static final int FILE_VERSION = 3;
  private static final int SUMMARY = 5;
  private static final int SESSION_LOG = 7;
  private static final int VALUE = 1;
  private static final int TAG = 1;
  private static final int SIMPLE_VALUE = 2;
  private static final int STATUS = 1;
  private static final int START = 1;
  private static final int VARINT = 0;
  private static final int EIGHT_BYTES = 1;
  private static final int LENGTH = 2;
  private static final int FOUR_BYTES = 5;

  private final Path folder;
  private final Clock clock;
  private @Nullable FileChannel channel;

  /// Nothing is written before the first step or validation.
  ///
  /// @param folder made if it isn't there; TensorBoard's `--logdir` is it, or a folder above
  public EventFile(Path folder, Clock clock) {
    this.folder = folder;
    this.clock = clock;
  }

  /// @param step of the first event
  private FileChannel begin(int step) throws IOException {
    Files.createDirectories(folder);
    String name = "events.out.tfevents." + clock.instant().getEpochSecond() + ".lorikeet";
    Path file = folder.resolve(name);
    for (int number = 2; Files.exists(file); number++) {
      file = folder.resolve(name + "." + number);
    }
    FileChannel made =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    ProtobufWriter version = event(0);
    version.bytes(FILE_VERSION, "brain.Event:2".getBytes(StandardCharsets.UTF_8));
    record(made, version);
    ProtobufWriter begin = event(step);
    ProtobufWriter log = new ProtobufWriter();
    log.number(STATUS, START);
    begin.bytes(SESSION_LOG, log.toByteArray());
    record(made, begin);
    return made;
  }

  @Override
  public void on(TrainingEvent event) {
    Map<String, Double> values = new LinkedHashMap<>();
    int step;
    switch (event) {
      case TrainingEvent.StepDone done -> {
        step = done.step();
        values.put("train/loss", done.loss());
        values.put("train/learning_rate", done.learningRate());
        values.put("train/grad_norm", done.gradientNorm());
        values.put("train/epoch", done.epoch());
        values.put("train/tokens_per_second", done.tokensPerSecond());
        done.divergence().ifPresent(nats -> values.put("train/base_divergence", nats));
        done.figures().forEach((key, value) -> values.put("train/" + key, value));
      }
      case TrainingEvent.Evaluated evaluated -> {
        step = evaluated.step();
        values.put("eval/loss", evaluated.loss());
        evaluated.figures().forEach((key, value) -> values.put("eval/" + key, value));
      }
      default -> {
        return;
      }
    }
    try {
      write(step, values);
    } catch (IOException e) {
      throw new UncheckedIOException("can't write TensorBoard's events: " + e.getMessage(), e);
    }
  }

  private void write(int step, Map<String, Double> values) throws IOException {
    ProtobufWriter summary = new ProtobufWriter();
    values.forEach(
        (tag, number) -> {
          ProtobufWriter value = new ProtobufWriter();
          value.bytes(TAG, tag.getBytes(StandardCharsets.UTF_8));
          value.number(SIMPLE_VALUE, number.floatValue());
          summary.bytes(VALUE, value.toByteArray());
        });
    ProtobufWriter event = event(step);
    event.bytes(SUMMARY, summary.toByteArray());
    if (channel == null) {
      channel = begin(step);
    }
    record(channel, event);
  }

  private ProtobufWriter event(int step) {
    ProtobufWriter event = new ProtobufWriter();
    event.number(WALL_TIME, clock.millis() / 1000.0);
    event.number(STEP, step);
    return event;
  }

  /// Length, its checksum, the message, its checksum.
  private static void record(FileChannel channel, ProtobufWriter message) throws IOException {
    byte[] data = message.toByteArray();
    ByteBuffer record = littleEndian(Long.BYTES + Integer.BYTES + data.length + Integer.BYTES);
    record.putLong(data.length);
    record.putInt(checksum(record.array(), Long.BYTES));
    record.put(data);
    record.putInt(checksum(data, data.length)).flip();
    while (record.hasRemaining()) {
      channel.write(record);
    }
  }

  private static int checksum(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
  }

  private static ByteBuffer littleEndian(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /// A protobuf message that is being written.
  private static final class ProtobufWriter {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    void number(int field, double value) {
      varint(field << 3 | EIGHT_BYTES);
      out.writeBytes(littleEndian(Double.BYTES).putDouble(value).array());
    }

    void number(int field, float value) {
      varint(field << 3 | FOUR_BYTES);
      out.writeBytes(littleEndian(Float.BYTES).putFloat(value).array());
    }

    void number(int field, int value) {
      varint(field << 3 | VARINT);
      varint(value);
    }

    void bytes(int field, byte[] value) {
      varint(field << 3 | LENGTH);
      varint(value.length);
      out.writeBytes(value);
    }

    private void varint(int value) {
      int rest = value;
      for (; rest >= 0x80; rest >>>= 7) {
        out.write(rest & 0x7f | 0x80);
      }
      out.write(rest);
    }

    byte[] toByteArray() {
      return out.toByteArray();
    }
  }

  @Override
  public void close() throws IOException {
    if (channel != null) {
      channel.close();
    }
  }
}

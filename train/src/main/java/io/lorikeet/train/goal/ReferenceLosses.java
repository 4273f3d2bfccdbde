package io.lorikeet.train.goal;

import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.MicroBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import java.util.zip.CRC32C;

/// Log probabilities of answers with the reference, which a run computes once and keeps in a file.
///
/// The file has a check sum, the key, and each list with its length before it, in big-endian order.
///
/// @param lists of the answers of the training data by their numbers, and of others that a run has:
///     those of the validation data, and of KTO's mismatches
public record ReferenceLosses(List<double[]> lists) {
  /// The log probabilities of a data set's answers.
  ///
  /// @param done told the batches done after each
  public static double[] of(TransformerModel model, DataSet data, int batchSize, IntConsumer done) {
    double[] logps = new double[data.examples()];
    List<MicroBatch> batches = data.batches(batchSize);
    for (int i = 0; i < batches.size(); i++) {
      MicroBatch batch = batches.get(i);
      double[] losses = batch.exampleLosses(model.losses(batch.tokens()));
      for (int j = 0; j < losses.length; j++) {
        logps[batch.numbers().get(j)] = -losses[j];
      }
      done.accept(i + 1);
    }
    return logps;
  }

  /// The ones that were kept.
  ///
  /// @param key all that they depend on, in words
  /// @return empty where there are none, others, or damaged ones
  public static Optional<ReferenceLosses> read(Path file, String key) throws IOException {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    byte[] all = Files.readAllBytes(file);
    if (all.length < Long.BYTES + Integer.BYTES
        || ByteBuffer.wrap(all).getLong() != checksum(all, Long.BYTES)) {
      return Optional.empty();
    }
    ByteBuffer bytes = ByteBuffer.wrap(all).position(Long.BYTES);
    byte[] text = new byte[bytes.getInt()];
    bytes.get(text);
    if (!key.equals(new String(text, StandardCharsets.UTF_8))) {
      return Optional.empty();
    }
    List<double[]> lists = new ArrayList<>();
    while (bytes.hasRemaining()) {
      double[] list = new double[bytes.getInt()];
      bytes.asDoubleBuffer().get(list);
      bytes.position(bytes.position() + list.length * Double.BYTES);
      lists.add(list);
    }
    return Optional.of(new ReferenceLosses(lists));
  }

  /// Keeps them.
  public void write(Path file, String key) throws IOException {
    byte[] text = key.getBytes(StandardCharsets.UTF_8);
    int size = Long.BYTES + Integer.BYTES + text.length;
    for (double[] list : lists) {
      size =
          Math.addExact(
              size, Math.addExact(Integer.BYTES, Math.multiplyExact(Double.BYTES, list.length)));
    }
    ByteBuffer bytes = ByteBuffer.allocate(size);
    bytes.putLong(0).putInt(text.length).put(text);
    for (double[] list : lists) {
      bytes.putInt(list.length);
      bytes.asDoubleBuffer().put(list);
      bytes.position(bytes.position() + list.length * Double.BYTES);
    }
    bytes.putLong(0, checksum(bytes.array(), Long.BYTES));
    try (AtomicFile created = AtomicFile.create(file)) {
      Files.write(created.path(), bytes.array());
      created.commit();
    }
  }

  private static long checksum(byte[] bytes, int from) {
    CRC32C sum = new CRC32C();
    sum.update(bytes, from, bytes.length - from);
    return sum.getValue();
  }
}

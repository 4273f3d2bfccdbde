package io.lorikeet.train.data;

import io.lorikeet.quant.AtomicFile;
import io.lorikeet.train.event.TrainingEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// Writes a [TokenStore]. Small ones never become a file; others appear under their name when they
/// are complete.
final class TokenStoreWriter implements AutoCloseable {
  /// Ints that are kept in memory: tokenizing them again takes about a second.
  static final int SMALL = 4 << 20;

  private final Path file;
  private final boolean temporary;
  private final int small;
  private final List<String> files = new ArrayList<>();
  private final Map<String, Integer> fileNumbers = new HashMap<>();
  private final CRC32C sum = new CRC32C();
  private int[] buffer = new int[1 << 12];
  private int used;
  private long written; // ints
  private long[] offsets = new long[1 << 8];
  private int count;
  private @Nullable OutputFile output;

  /// The file that is written, and the way into it.
  private record OutputFile(AtomicFile file, FileChannel channel) {}

  /// @param file the file to write, if one is needed
  /// @param temporary whether it goes when the store is closed
  /// @param small ints that don't need a file
  TokenStoreWriter(Path file, boolean temporary, int small) {
    this.file = file;
    this.temporary = temporary;
    this.small = small;
  }

  /// Adds a tokenized example.
  ///
  /// @param number of the example in the data, of which this may be a piece
  /// @param wholeLength tokens before it was cut or divided
  void add(TokenizedExample example, int number, int wholeLength, Fingerprint fingerprint)
      throws IOException {
    int[] tokens = example.tokens();
    boolean weighted = example.isWeighted();
    reserve(TokenStore.HEADER + (weighted ? 2 : 1) * tokens.length);
    if (count == offsets.length) {
      offsets = Arrays.copyOf(offsets, Math.multiplyExact(2, count));
    }
    offsets[count++] = written + used;
    put(tokens.length);
    put(example.targets());
    put(fileNumber(example.source()));
    put(example.line());
    put(number);
    put(wholeLength);
    put((int) fingerprint.exact());
    put((int) (fingerprint.exact() >>> 32));
    put((int) fingerprint.near());
    put((int) (fingerprint.near() >>> 32));
    put(example.judgement().ordinal());
    put(weighted ? 1 : 0);
    put(example.adaptedFrom());
    for (int i = 0; i < tokens.length; i++) {
      put(example.trains(i) ? tokens[i] | TokenStore.TRAINED : tokens[i]);
    }
    for (int i = 0; weighted && i < tokens.length; i++) {
      put(Float.floatToRawIntBits(example.weights()[i]));
    }
  }

  /// Examples added so far.
  int count() {
    return count;
  }

  /// Completes the store.
  ///
  /// @param events the messages about the data
  TokenStore finish(List<TrainingEvent> events) throws IOException {
    byte[] said = TokenStore.said(files, events);
    if (output == null) {
      return TokenStore.inMemory(Arrays.copyOf(buffer, used), Arrays.copyOf(offsets, count), said);
    }
    FileChannel channel = output.channel();
    flush(channel);
    long ints = written;
    writeOffsets(channel);
    write(channel, ByteBuffer.wrap(said));
    ByteBuffer footer = ordered(TokenStore.FOOTER * Long.BYTES);
    footer.putLong(TokenStore.MAGIC).putLong(ints).putLong(count).putLong(said.length);
    footer.putLong(sum.getValue());
    write(channel, footer.flip());
    channel.close();
    output.file().commit();
    return TokenStore.open(file, temporary)
        .orElseThrow(() -> new IOException(file + " was damaged as soon as it was written"));
  }

  private int fileNumber(String name) {
    return fileNumbers.computeIfAbsent(
        name,
        _ -> {
          files.add(name);
          return files.size() - 1;
        });
  }

  private void put(int value) {
    buffer[used++] = value;
  }

  private void reserve(int ints) throws IOException {
    if ((long) used + ints > small) {
      if (output == null) {
        AtomicFile created = AtomicFile.create(file);
        output =
            new OutputFile(created, FileChannel.open(created.path(), StandardOpenOption.WRITE));
      }
      flush(output.channel());
    }
    if (used + ints > buffer.length) {
      long wanted = Math.max(2L * buffer.length, (long) used + ints);
      buffer = Arrays.copyOf(buffer, (int) Math.min(wanted, Integer.MAX_VALUE - 8));
    }
  }

  private void flush(FileChannel channel) throws IOException {
    ByteBuffer part = ordered(1 << 16);
    for (int at = 0; at < used; ) {
      int ints = Math.min(used - at, part.capacity() / Integer.BYTES);
      part.clear();
      part.asIntBuffer().put(buffer, at, ints);
      write(channel, part.limit(ints * Integer.BYTES));
      at += ints;
    }
    written += used;
    used = 0;
  }

  private void writeOffsets(FileChannel channel) throws IOException {
    ByteBuffer part = ordered(1 << 16);
    for (int at = 0; at < count; ) {
      int longs = Math.min(count - at, part.capacity() / Long.BYTES);
      part.clear();
      part.asLongBuffer().put(offsets, at, longs);
      write(channel, part.limit(longs * Long.BYTES));
      at += longs;
    }
  }

  private void write(FileChannel channel, ByteBuffer bytes) throws IOException {
    sum.update(bytes.duplicate());
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static ByteBuffer ordered(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.nativeOrder());
  }

  /// Leaves nothing of what wasn't finished.
  @Override
  public void close() throws IOException {
    if (output != null) {
      output.channel().close();
      output.file().close();
    }
  }
}

package io.lorikeet.finetune.hub;

import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.ByteProgress;
import io.lorikeet.quant.PathParts;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;

/// Fetches one file. Its bytes are written to `NAME.HASH.part` in the output's folder, which stays
/// after a cut and is gone on with, by this process and by later ones. Under its own name the file
/// appears when its SHA-256 is right.
public final class HubDownload {
  private static final int BUFFER = 1 << 18;
  private static final int HASH_DIGITS = 12;

  /// Cuts one after the other without a byte in between.
  private static final int MOST_CUTS = 5;

  private final HubClient client;
  private final HubClient.RemoteFile remote;
  private final String sha256;
  private final Path output;
  private final Path part;
  private final Duration patience;

  /// @param output the file to write, replaced where it exists
  /// @throws IOException when the hub doesn't tell the file's SHA-256
  public HubDownload(HubClient client, HubClient.RemoteFile remote, Path output)
      throws IOException {
    this(client, remote, output, Duration.ofSeconds(60));
  }

  /// @param patience how long nothing may come
  HubDownload(HubClient client, HubClient.RemoteFile remote, Path output, Duration patience)
      throws IOException {
    this.client = client;
    this.remote = remote;
    this.output = output;
    this.patience = patience;
    sha256 =
        remote
            .sha256()
            .orElseThrow(
                () ->
                    new IOException(
                        remote.file()
                            + ": the hub tells no SHA-256 of it, so it couldn't be checked"));
    part =
        output.resolveSibling(
            "%s.%s.part".formatted(output.getFileName(), sha256.substring(0, HASH_DIGITS)));
  }

  /// Bytes that an earlier attempt has left.
  public long begun() throws IOException {
    return Files.exists(part) ? Files.size(part) : 0;
  }

  /// Where the bytes are until they are complete.
  public Path part() {
    return part;
  }

  /// Fetches what is missing.
  ///
  /// @throws IOException when the hub can't be reached any more, or what came isn't the file
  public void run(ByteProgress progress) throws IOException {
    checkSpace();
    try (FileChannel channel =
        FileChannel.open(
            part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MessageDigest digest = digest(channel);
      int cuts = 0;
      while (channel.position() < remote.size()) {
        long before = channel.position();
        try {
          digest = fetch(channel, digest, progress);
        } catch (CutException e) {
          cuts = channel.position() > before ? 1 : cuts + 1;
          if (cuts == MOST_CUTS) {
            throw new IOException(
                "%s: the connection was cut at %s of %s bytes (%s). The same command goes on from there"
                    .formatted(remote.file(), channel.position(), remote.size(), e.getMessage()),
                e);
          }
          client.rest(cuts, Optional.empty());
        }
      }
      check(digest);
      channel.force(true);
    }
    Files.move(part, output, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private void checkSpace() throws IOException {
    long missing = remote.size() - begun();
    long free = Files.getFileStore(PathParts.folder(output.toAbsolutePath())).getUsableSpace();
    if (missing > free) {
      throw new IOException(
          "%s: %s more are needed, and the disk of %s has %s free"
              .formatted(remote.file(), Words.bytes(missing), output, Words.bytes(free)));
    }
  }

  /// The connection ended before the file did.
  private static final class CutException extends IOException {
    private static final long serialVersionUID = 1L;

    CutException(String message, IOException cause) {
      super(message, cause);
    }
  }

  /// The hash of the bytes that were fetched before. Leaves the channel at their end.
  private MessageDigest digest(FileChannel channel) throws IOException {
    if (channel.size() > remote.size()) {
      channel.truncate(0);
    }
    MessageDigest digest = sha256();
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
    while (channel.read(buffer.clear()) >= 0) {
      digest.update(buffer.flip());
    }
    return digest;
  }

  /// Appends what one connection gives.
  ///
  /// @return the digest of all bytes, which begins anew with a server that knows no ranges
  private MessageDigest fetch(FileChannel channel, MessageDigest begun, ByteProgress progress)
      throws IOException {
    long from = channel.position();
    MessageDigest digest = begun;
    try (HubClient.Content content = client.open(remote.file(), from, OptionalLong.empty());
        Watchdog dog = new Watchdog(content.bytes(), patience)) {
      if (content.from() != from) {
        channel.truncate(0);
        digest = sha256();
      }
      byte[] buffer = new byte[BUFFER];
      while (channel.position() < remote.size()) {
        int count = read(content.bytes(), buffer);
        int wanted = (int) Math.min(count, remote.size() - channel.position());
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, wanted);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        digest.update(buffer, 0, wanted);
        dog.awake();
        progress.at(channel.position(), remote.size());
      }
    }
    return digest;
  }

  private static int read(InputStream stream, byte[] buffer) throws CutException {
    try {
      int count = stream.read(buffer);
      if (count < 0) {
        throw new EOFException("it ended early");
      }
      return count;
    } catch (IOException e) {
      throw new CutException(String.valueOf(e.getMessage()), e);
    }
  }

  private void check(MessageDigest digest) throws IOException {
    String found = HexFormat.of().formatHex(digest.digest());
    if (!found.equals(sha256)) {
      Files.delete(part);
      throw new IOException(
          "%s: what came has the SHA-256 %.12s…, and the hub's file %.12s…: it was damaged on the way. Pull it again"
              .formatted(remote.file(), found, sha256));
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  /// Closes a stream from which nothing comes any more: reading it would wait forever.
  private static final class Watchdog implements AutoCloseable {
    private final AtomicLong last = new AtomicLong(System.nanoTime());
    private final Thread thread;

    Watchdog(InputStream stream, Duration patience) {
      thread =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      while (System.nanoTime() - last.get() < patience.toNanos()) {
                        Thread.sleep(patience.dividedBy(4));
                      }
                      stream.close();
                    } catch (InterruptedException | IOException _) {
                      // the stream has ended, or is closed already
                    }
                  });
    }

    void awake() {
      last.set(System.nanoTime());
    }

    @Override
    public void close() {
      thread.interrupt();
    }
  }
}

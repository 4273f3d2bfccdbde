package io.lorikeet.finetune.hub;

import io.lorikeet.finetune.bases.HubFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.TemporaryFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/// The head of a GGUF model on a hub, of a split one those of all its files, in temporary files for
/// as long as it is planned with. Little more than the heads is fetched.
public final class HubHead implements AutoCloseable {
  /// A first part that holds the vocabulary of most models; each further one is as long as all
  /// before it.
  private static final long FIRST_PART = 4L << 20;

  private static final long LARGEST = 256L << 20;

  private final Path folder;
  private final List<Path> files = new ArrayList<>();

  /// Fetches them.
  public HubHead(HubClient client, HubFile file) throws IOException {
    folder = Files.createTempDirectory("lorikeet-head");
    TemporaryFiles.add(folder);
    try {
      List<HubClient.RemoteFile> parts = new ArrayList<>();
      for (HubFile part : file.parts()) {
        parts.add(client.look(part));
        files.add(folder.resolve(part.name()));
        TemporaryFiles.add(files.getLast());
      }
      fetch(client, parts);
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /// The model's file, or the first of its files, without the tensors' data.
  public Path file() {
    return files.getFirst();
  }

  private void fetch(HubClient client, List<HubClient.RemoteFile> parts) throws IOException {
    long largest = parts.stream().mapToLong(HubClient.RemoteFile::size).max().orElseThrow();
    long have = 0;
    for (long want = FIRST_PART; have < Math.min(largest, LARGEST); want *= 2) {
      for (int i = 0; i < parts.size(); i++) {
        long size = parts.get(i).size();
        if (have < size) {
          append(client, parts.get(i), files.get(i), have, Math.min(want, size));
        }
      }
      have = want;
      if (isComplete(file())) {
        return;
      }
    }
  }

  private static void append(
      HubClient client, HubClient.RemoteFile remote, Path file, long from, long to)
      throws IOException {
    try (HubClient.Content content = client.open(remote.file(), from, OptionalLong.of(to - 1));
        OutputStream out =
            Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      content.bytes().skipNBytes(from - content.from());
      byte[] bytes = content.bytes().readNBytes((int) (to - from));
      if (bytes.length < to - from) {
        throw new IOException(remote.file() + ": the connection was cut. Try again");
      }
      out.write(bytes);
    }
  }

  private static boolean isComplete(Path file) throws IOException {
    try (GgufFile _ = GgufFile.openHeader(file)) {
      return true;
    } catch (InvalidInputException _) {
      return false; // more may help; else whoever opens it says why
    }
  }

  @Override
  public void close() throws IOException {
    for (Path file : files) {
      Files.deleteIfExists(file);
      TemporaryFiles.remove(file);
    }
    Files.deleteIfExists(folder);
    TemporaryFiles.remove(folder);
  }
}

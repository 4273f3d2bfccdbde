package io.lorikeet.train.data;

import io.lorikeet.bindings.UserCache;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.train.data.files.DataFile;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Keeps tokenized data between runs, each source under the hash of all that decides its tokens:
/// the files' bytes, the vocabulary, the settings.
final class TokenCache {
  /// Goes up when the same data and settings come to other tokens or numbers than before.
  private static final int VERSION = 7;

  private static final Duration ABANDONED = Duration.ofDays(1);

  private final DataSettings settings;
  private final TextEncoding encoding;
  private final int small;

  TokenCache(DataSettings settings, TextEncoding encoding) {
    this(settings, encoding, TokenStoreWriter.SMALL);
  }

  /// @param small ints of tokens that aren't worth a file
  TokenCache(DataSettings settings, TextEncoding encoding, int small) {
    this.settings = settings;
    this.encoding = encoding;
    this.small = small;
  }

  /// The tokens of a source: kept ones, or else it is tokenized.
  ///
  /// @param listener told the messages of the tokenizing, also if that was long ago
  TokenStore get(DataSource source, List<DataFile> files, TrainingListener listener)
      throws IOException {
    boolean lasting =
        encoding.identity().isPresent() && files.stream().noneMatch(DataFile::isReadOnce);
    Optional<Path> folder = lasting ? folder() : Optional.empty();
    if (folder.isEmpty()) {
      Path file = Files.createTempFile("lorikeet-tokens-", ".bin");
      Files.delete(file); // only its name is wanted, and only if there is much to keep
      return tokenize(source, files, file, true, listener);
    }
    List<DataFile> hashed = new ArrayList<>();
    for (DataFile one : files) {
      hashed.add(one.hashed()); // so that its name can't be given to tokens of something else
    }
    Path file = folder.get().resolve(key(source, hashed) + ".tokens");
    if (Files.isRegularFile(file)) {
      Optional<TokenStore> kept = TokenStore.open(file, false);
      if (kept.isPresent()) {
        kept.get().events().forEach(listener::on);
        listener.on(new TrainingEvent.Note(source.path() + ": tokenized before, in " + file));
        return kept.get();
      }
      listener.on(new TrainingEvent.Warning(file + " is damaged; tokenizing again"));
    }
    deleteAbandoned(folder.get());
    return tokenize(source, hashed, file, false, listener);
  }

  /// Deletes half-written files of killed processes. Only old ones, for other processes may be
  /// writing.
  private static void deleteAbandoned(Path folder) {
    try {
      AtomicFile.deleteStale(folder, ABANDONED);
    } catch (IOException _) {
      // another process was faster, or the folder isn't ours to tidy
    }
  }

  private TokenStore tokenize(
      DataSource source,
      List<DataFile> files,
      Path file,
      boolean temporary,
      TrainingListener listener)
      throws IOException {
    try (TokenStoreWriter writer = new TokenStoreWriter(file, temporary, small)) {
      return new CorpusTokenizer(settings, encoding, writer, listener).tokenize(source, files);
    }
  }

  /// The folder that was asked for, or the user's, if it can be written to.
  private Optional<Path> folder() throws IOException {
    Optional<Path> given = settings.find(Settings.CACHE);
    if (given.isPresent()) {
      return Optional.of(Files.createDirectories(given.get()));
    }
    try {
      Path folder = Files.createDirectories(UserCache.folder());
      return Optional.of(folder).filter(Files::isWritable);
    } catch (IOException _) {
      return Optional.empty(); // a home that can't be written to is no reason not to train
    }
  }

  private String key(DataSource source, List<DataFile> files) {
    MessageDigest digest = sha256();
    Stream<Object> decides =
        Stream.concat(
            Stream.of(
                VERSION,
                encoding.identity().orElseThrow(),
                DataSet.Packing.of(settings) == DataSet.Packing.ROWS_AND_BEGINNINGS, // of pairs
                source.format().or(() -> settings.find(Settings.FORMAT))),
            Settings.all(Setting.Trait.OF_TOKENS).stream()
                .map(setting -> setting + "=" + setting.written(settings.config())));
    String text = decides.map(String::valueOf).collect(Collectors.joining("\0"));
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    for (DataFile file : files) {
      String name = file.path().toAbsolutePath().normalize().toString(); // messages name it
      digest.update(("\0" + name + "\0").getBytes(StandardCharsets.UTF_8));
      digest.update(file.hash().orElseThrow().sum());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}

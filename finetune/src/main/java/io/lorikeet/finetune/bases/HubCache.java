package io.lorikeet.finetune.bases;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;

/// The cache of Hugging Face's programs: `models--OWNER--REPO/snapshots/COMMIT/FILE`, where
/// `refs/main` names the commit.
record HubCache(Path folder) {
  private static final String MODELS = "models--";
  private static final String SNAPSHOTS = "snapshots";

  /// Where `huggingface_hub` keeps it.
  static HubCache of(Map<String, String> environment, Path home) {
    String own = environment.getOrDefault("HF_HUB_CACHE", "");
    String all = environment.getOrDefault("HF_HOME", "");
    if (!own.isBlank()) {
      return new HubCache(Path.of(own));
    }
    Path parent = all.isBlank() ? home.resolve(".cache").resolve("huggingface") : Path.of(all);
    return new HubCache(parent.resolve("hub"));
  }

  /// A file that is there, of the commit that its revision stands for.
  Optional<Path> find(HubFile file) throws IOException {
    Path repository = folder.resolve(MODELS + file.repository().replace("/", "--"));
    String commit = commit(repository, file.revision()).orElse(file.revision());
    return Optional.of(repository.resolve(SNAPSHOTS).resolve(commit).resolve(file.file()))
        .filter(Files::isRegularFile);
  }

  /// Repositories that are there: their folders by `OWNER/REPO`.
  Map<String, Path> repositories() throws IOException {
    Map<String, Path> found = new TreeMap<>();
    for (Path repository : folders(folder, MODELS + "*")) {
      found.put(name(repository), repository);
    }
    return found;
  }

  /// The files of a repository's folder: its snapshot of the main branch, or the newest one. Any
  /// other folder is its own.
  static Path snapshot(Path given) throws IOException {
    Path repository =
        given.endsWith(SNAPSHOTS) ? given.toAbsolutePath().resolve("..").normalize() : given;
    if (!Objects.toString(repository.toAbsolutePath().getFileName()).startsWith(MODELS)) {
      return given;
    }
    Path snapshots = repository.resolve(SNAPSHOTS);
    Optional<Path> main = commit(repository, "main").map(snapshots::resolve);
    if (main.isPresent() && Files.isDirectory(main.get())) {
      return main.get();
    }
    return folders(snapshots, "*").stream()
        .max(Comparator.comparingLong(folder -> folder.toFile().lastModified()))
        .orElse(given);
  }

  /// The name of a model in a folder: of a snapshot or a repository's folder the repository's.
  static String name(Path folder) {
    Path full = folder.toAbsolutePath().normalize();
    for (Path part = full; part != null; part = part.getParent()) {
      String name = Objects.toString(part.getFileName(), "");
      if (name.startsWith(MODELS)) {
        return name.substring(MODELS.length()).replace("--", "/");
      }
    }
    return Objects.toString(full.getFileName(), "model");
  }

  private static Optional<String> commit(Path repository, String revision) throws IOException {
    Path file = repository.resolve("refs").resolve(revision);
    return Files.isRegularFile(file)
        ? Optional.of(Files.readString(file).strip())
        : Optional.empty();
  }

  private static List<Path> folders(Path parent, String pattern) throws IOException {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(parent)) {
      try (DirectoryStream<Path> folders = Files.newDirectoryStream(parent, pattern)) {
        for (Path folder : folders) {
          if (Files.isDirectory(folder)) {
            found.add(folder);
          }
        }
      }
    }
    return found;
  }
}

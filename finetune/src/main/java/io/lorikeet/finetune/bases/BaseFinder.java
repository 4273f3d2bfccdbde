package io.lorikeet.finetune.bases;

import io.lorikeet.bindings.UserCache;
import io.lorikeet.quant.FolderKind;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import io.lorikeet.quant.ShellText;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/// Finds the GGUF file of a base by what people give for it:
///
/// - a GGUF file, or one of the files of a split model
/// - a folder with one model in GGUF, as LM Studio and Hugging Face's cache have them
/// - a model of Hugging Face's, which is converted and quantized once, into the user's cache
/// - `ollama:NAME[:TAG]`, a model that Ollama has on this machine
/// - `hf:OWNER/REPO/FILE`, a file in Hugging Face's cache on this machine
///
/// Nothing is asked over a network.
public final class BaseFinder {
  private static final String OLLAMA = "ollama:";

  /// Folders below a given one in which models are looked for: the one of a type, such as
  /// `Q4_K_M`, and those of a publisher in LM Studio's folder.
  private static final int DEPTH = 2;

  private final OllamaModels ollama;
  private final HubCache hub;
  private final Path lmStudio;
  private final ConvertedBases converted;

  /// Told what is done.
  public interface Listener {
    /// A sentence that stays.
    void note(String sentence);

    /// How far a conversion is.
    void progress(String text);
  }

  /// Where somebody has models.
  ///
  /// @param environment variables that name folders of other programs
  /// @param home the user's folder
  /// @param cache where converted models are kept
  /// @param threads CPU threads to quantize with
  public BaseFinder(
      Map<String, String> environment, Path home, Path cache, int threads, Listener listener) {
    ollama = new OllamaModels(environment, home, listener);
    hub = HubCache.of(environment, home);
    lmStudio = home.resolve(".lmstudio").resolve("models");
    converted = new ConvertedBases(cache, threads, listener);
  }

  /// Where the user of this process has models.
  ///
  /// @param threads CPU threads to quantize with
  public static BaseFinder ofUser(int threads, Listener listener) {
    return new BaseFinder(
        System.getenv(),
        Path.of(System.getProperty("user.home")),
        UserCache.folder(),
        threads,
        listener);
  }

  /// The file of a base.
  ///
  /// @throws InvalidInputException when there is none, with the name of one that may be meant, or
  ///     several, or it can't be used
  public Path find(Path given) throws IOException {
    String text = given.toString();
    if (text.startsWith(OLLAMA)) {
      return ollama.find(text.substring(OLLAMA.length()));
    }
    if (HubFile.isName(text)) {
      HubFile file = HubFile.of(text);
      return hub.find(file)
          .orElseThrow(
              () ->
                  new InvalidInputException(
                      "%s isn't on this machine: '%s pull %s' fetches it, then give the file"
                          .formatted(file, ShellText.program(), file)));
    }
    if (Files.isDirectory(given)) {
      return inFolder(given);
    }
    if (!Files.exists(given)) {
      throw new InvalidInputException("there is no file " + given + nearest(given));
    }
    return given;
  }

  private Path inFolder(Path given) throws IOException {
    Path folder = HubCache.snapshot(given);
    List<Path> models = ModelFiles.in(folder, 1);
    if (models.isEmpty() && FolderKind.of(folder) == FolderKind.OTHER) {
      models = ModelFiles.in(folder, DEPTH);
    }
    if (models.size() > 1) {
      throw InvalidInputException.of(
          given + " holds several models; give one of them",
          models.stream().map(Path::toString).toList());
    }
    if (models.size() == 1) {
      return models.getFirst();
    }
    if (FolderKind.of(folder) == FolderKind.OTHER) {
      throw new InvalidInputException(
          "%s holds no model: neither a GGUF file nor config.json with safetensors%s"
              .formatted(given, nearest(given)));
    }
    FolderKind.require(folder, FolderKind.MODEL);
    return converted.of(folder, HubCache.name(folder));
  }

  /// `; did you mean …?`, or nothing.
  private String nearest(Path given) throws IOException {
    Map<String, String> known = new LinkedHashMap<>();
    for (Path sibling : siblings(given)) {
      known.put(Objects.toString(sibling.getFileName()), sibling.toString());
    }
    ollama.names().forEach(name -> known.putIfAbsent(name, OLLAMA + name));
    hub.repositories().forEach((name, folder) -> known.putIfAbsent(name, folder.toString()));
    for (Path model : ModelFiles.in(lmStudio, DEPTH + 1)) {
      known.putIfAbsent(lmStudio.relativize(model.getParent()).toString(), model.toString());
      known.putIfAbsent(Objects.toString(model.getFileName()), model.toString());
    }
    Optional<String> near =
        Stream.of(given.toString(), Objects.toString(given.getFileName()))
            .flatMap(text -> NearestName.of(text, known.keySet()).stream())
            .findFirst();
    return near.map(name -> "; did you mean " + known.get(name) + "?").orElse("");
  }

  /// Models beside a file that isn't there.
  private static List<Path> siblings(Path given) throws IOException {
    Path parent = given.getParent();
    List<Path> found = new ArrayList<>();
    if (parent == null || Files.isDirectory(parent)) {
      Path folder = parent == null ? Path.of("") : parent;
      try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.gguf")) {
        files.forEach(file -> found.add(parent == null ? file.getFileName() : file));
      }
    }
    return found.stream().sorted().toList();
  }
}

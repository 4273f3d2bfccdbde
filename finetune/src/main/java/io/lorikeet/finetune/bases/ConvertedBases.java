package io.lorikeet.finetune.bases;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.quant.convert.ModelConverter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/// GGUF models made of folders of Hugging Face's, each made once and kept in the user's cache. A
/// folder is known again by its files' names, sizes and times of modification.
final class ConvertedBases {
  private static final String TYPE = "Q4_K_M";

  /// Part of each key: another one where conversion makes other files of the same folder.
  private static final String VERSION = "1";

  private static final int KEY_BYTES = 8;

  private final Path cache;
  private final int threads;
  private final BaseFinder.Listener listener;

  ConvertedBases(Path cache, int threads, BaseFinder.Listener listener) {
    this.cache = cache.resolve("bases");
    this.threads = threads;
    this.listener = listener;
  }

  /// The model of a folder, which is made now if it isn't there yet.
  ///
  /// @param name of the model, for the file's name
  Path of(Path folder, String name) throws IOException {
    Optional<String> type = type(folder);
    String fileName = name.replace('/', '_') + type.map(text -> "-" + text).orElse("") + ".gguf";
    Path file = cache.resolve(key(folder)).resolve(fileName);
    if (Files.exists(file)) {
      listener.note("%s was converted before: %s".formatted(folder, file));
      return file;
    }
    Files.createDirectories(file.getParent());
    try (OutputPlan.Claims _ =
        new OutputPlan().reads("--model", folder).writes("the cache", file).claim(true)) {
      listener.note(
          "%s is converted%s once, into %s"
              .formatted(folder, type.map(text -> " and quantized to " + text).orElse(""), file));
      List<String> notes =
          ModelConverter.convert(
              folder,
              file,
              type,
              threads,
              progress ->
                  listener.progress(
                      "converting: %s of %s  %s"
                          .formatted(
                              Words.bytes(progress.written()),
                              Words.bytes(progress.total()),
                              progress.tensor())));
      notes.forEach(listener::note);
    }
    return file;
  }

  /// The type to quantize to. Weights that are published in 4 bits stay as they are.
  private static Optional<String> type(Path folder) throws IOException {
    try {
      JsonNode config = new ObjectMapper().readTree(folder.resolve("config.json").toFile());
      String method = config.path("quantization_config").path("quant_method").asText();
      return method.equals("mxfp4") ? Optional.empty() : Optional.of(TYPE);
    } catch (JsonProcessingException _) {
      return Optional.of(TYPE); // conversion says what is wrong with it
    }
  }

  private static String key(Path folder) throws IOException {
    TreeMap<String, String> files = new TreeMap<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, Files::isRegularFile)) {
      for (Path file : all) {
        files.put(
            file.getFileName().toString(),
            Files.size(file) + " " + Files.getLastModifiedTime(file).toMillis());
      }
    }
    try {
      byte[] text = (VERSION + files).getBytes(StandardCharsets.UTF_8);
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(text), 0, KEY_BYTES);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}

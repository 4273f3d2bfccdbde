package io.lorikeet.finetune;

import io.lorikeet.bindings.Beta;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/// The chat template that an adapter was trained with, as a file beside the adapter: llama.cpp
/// takes it from there where the base's own template is another.
@Beta
public final class TemplateFile {
  private TemplateFile() {}

  /// Writes the file, if it is needed and isn't there yet. Another file of its name is kept: the
  /// template gets a number then.
  ///
  /// @param base the base's file, if it is at hand
  public static void write(Path adapter, Optional<Path> base, TrainedTemplate template)
      throws IOException {
    Optional<Path> needed = needed(adapter, base, template);
    if (needed.isPresent() && !Files.exists(needed.get())) {
      try (AtomicFile file = AtomicFile.create(needed.get())) {
        Files.writeString(file.path(), template.text());
        file.commit();
      }
    }
  }

  /// The file that llama.cpp needs to be given; empty where the template is the base's own.
  public static Optional<Path> needed(Path adapter, Optional<Path> base, TrainedTemplate template)
      throws IOException {
    if (base.isPresent() && own(base.get()).equals(Optional.of(template.text()))) {
      return Optional.empty();
    }
    byte[] text = template.text().getBytes(StandardCharsets.UTF_8);
    String stem = adapter.getFileName().toString().replaceFirst("(?i)\\.gguf$", "");
    Path file = adapter.resolveSibling(stem + ".jinja");
    for (int number = 2; isOther(file, text); number++) {
      file = adapter.resolveSibling(stem + "-" + number + ".jinja");
    }
    return Optional.of(file);
  }

  private static boolean isOther(Path file, byte[] text) throws IOException {
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    return !Files.isRegularFile(file)
        || Files.size(file) != text.length
        || !Arrays.equals(Files.readAllBytes(file), text);
  }

  /// The base's own chat template.
  private static Optional<String> own(Path base) throws IOException {
    try (GgufFile file = GgufFile.openHeader(base)) {
      return file.metadata().string("tokenizer.chat_template").filter(text -> !text.isBlank());
    }
  }
}

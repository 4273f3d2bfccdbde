package io.lorikeet.train.data.files;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// The kind of a file by the ending of its name.
enum FileKind {
  /// JSON Lines or a JSON array, told apart by the first character.
  JSON("jsonl", "ndjson", "json"),
  /// A table of text, with names in its first row.
  TABLE("csv", "tsv"),
  PARQUET("parquet"),
  /// One document.
  TEXT("txt", "md", "markdown");

  /// Endings of files that people will try, and that would be thousands of bad lines.
  private static final Set<String> OTHER_ENDINGS =
      Set.of("arrow", "xlsx", "xls", "ods", "zip", "tar", "7z", "bz2", "xz", "gguf", "pdf", "html");

  private static final Set<String> PACKED_ENDINGS = Set.of("gz", "zst", "zstd");

  private final Set<String> endings;

  FileKind(String... endings) {
    this.endings = Set.of(endings);
  }

  /// The kind that a name tells; files of JSON may have any ending that is no other's.
  static Optional<FileKind> of(Path file) {
    String ending = ending(file);
    for (FileKind kind : values()) {
      if (kind.endings.contains(ending)) {
        return Optional.of(kind);
      }
    }
    return OTHER_ENDINGS.contains(ending) ? Optional.empty() : Optional.of(JSON);
  }

  /// Whether a file in a folder is meant to be read as records, rather than happening to lie there.
  static boolean isRecords(Path file) {
    String ending = ending(file);
    return JSON.endings.contains(ending)
        || TABLE.endings.contains(ending)
        || PARQUET.endings.contains(ending);
  }

  static boolean isText(Path file) {
    return TEXT.endings.contains(ending(file));
  }

  /// The ending in small letters, under that of a compression.
  static String ending(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    String last = name.substring(name.lastIndexOf('.') + 1);
    if (PACKED_ENDINGS.contains(last) && last.length() < name.length()) {
      name = name.substring(0, name.length() - last.length() - 1);
    }
    int dot = name.lastIndexOf('.');
    return dot < 0 ? "" : name.substring(dot + 1);
  }
}

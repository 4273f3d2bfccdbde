package io.lorikeet.train.data.files;

import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// Files that people give and that hold no examples as they are, known by their first bytes.
enum OtherFiles {
  XZ("is packed with xz; unpack it first, with xz -d", "\u00FD7zXZ\0"),
  BZIP2("is packed with bzip2; unpack it first, with bzip2 -d", "BZh.1AY&SY"),
  LZ4("is packed with LZ4; unpack it first, with lz4 -d", "\u0004\"M\u0018"),
  COMPRESS("is packed with compress; unpack it first, with uncompress", "\u001F\u009D"),
  ZIP("is a zip archive; unpack it first", "PK\3\4"),
  SEVEN_ZIP("is a 7z archive; unpack it first", "7z\u00BC\u00AF\u0027\u001C"),
  ARROW("is an Arrow file; save it as Parquet", "ARROW1\0\0"),
  AVRO("is an Avro file; save it as Parquet", "Obj\1"),
  SQLITE("is an SQLite database; save the table as CSV", "SQLite format 3\0"),
  PDF("is a PDF file; save its text", "%PDF-"),
  GGUF("is a GGUF model, no data", "GGUF.\0\0\0"),
  LFS(
      "is Git LFS's pointer to the data; fetch the data with git lfs pull",
      "version https://git-lfs."),
  UTF_32("is text in UTF-32; save it as UTF-8", "\u00FF\u00FE\0\0"),
  UTF_16_LITTLE("is text in UTF-16; save it as UTF-8", "\u00FF\u00FE"),
  UTF_16_BIG("is text in UTF-16; save it as UTF-8", "\u00FE\u00FF");

  /// Bytes that are enough to tell.
  static final int SEEN = 262;

  private static final String TAR = "ustar";
  private static final int TAR_PLACE = 257;

  private final String words;
  private final String start; // a character for each byte; a dot is any

  OtherFiles(String words, String start) {
    this.words = words;
    this.start = start;
  }

  /// The kind of a file and a remedy, in words; empty where it may hold examples.
  static Optional<String> recognize(byte[] first) {
    String bytes = new String(first, StandardCharsets.ISO_8859_1);
    for (OtherFiles kind : values()) {
      if (kind.begins(bytes)) {
        return Optional.of(kind.words);
      }
    }
    if (bytes.startsWith(TAR, TAR_PLACE)) {
      return Optional.of("is a tar archive; unpack it first");
    }
    int nul = bytes.indexOf('\0');
    return nul >= 0 && nul < 4 ? Optional.of("isn't text in UTF-8") : Optional.empty();
  }

  private boolean begins(String bytes) {
    for (int i = 0; i < start.length(); i++) {
      char wanted = start.charAt(i);
      if (i >= bytes.length() || wanted != '.' && wanted != bytes.charAt(i)) {
        return false;
      }
    }
    return true;
  }
}

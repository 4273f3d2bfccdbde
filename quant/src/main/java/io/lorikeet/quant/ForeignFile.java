package io.lorikeet.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/// Recognizes files that people mistake for GGUF files, so that the error can name their kind.
final class ForeignFile {
  static final String BIG_ENDIAN =
      "this is a big-endian GGUF file. Convert the model for a little-endian machine";

  private static final String CONVERT = " Convert the model with llama.cpp's convert_hf_to_gguf.py";

  private ForeignFile() {}

  /// Describes a file that doesn't begin with `GGUF`: its kind by its first bytes, and a remedy.
  static String describe(MemorySegment file) {
    byte[] start = file.asSlice(0, Math.min(512, file.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    String text = new String(start, StandardCharsets.ISO_8859_1);
    String mark = "\u00ef\u00bb\u00bf"; // a byte order mark in UTF-8, read as Latin-1
    String trimmed = text.replace(mark, "").stripLeading().toLowerCase(Locale.ROOT);
    if (start.length == 0) {
      return "the file is empty. Download or convert it again";
    }
    if ("GGUF".startsWith(text)) {
      return "the file ends after " + start.length + " bytes. Download or convert it again";
    }
    if (trimmed.startsWith("<!doctype html")
        || trimmed.startsWith("<html")
        || trimmed.startsWith("<?xml")) {
      return "this is a web page, not a GGUF file. Download the file itself, not the page that shows"
          + " it (on Hugging Face: 'resolve' instead of 'blob' in the address)";
    }
    if (trimmed.startsWith("version https://git-lfs")) {
      return "this is a Git LFS pointer, not the GGUF file itself. Run 'git lfs pull' where it is";
    }
    if (trimmed.startsWith("lmgg") || trimmed.startsWith("fmgg") || trimmed.startsWith("tjgg")) {
      return "this is a model in a format of ggml's from before GGUF." + CONVERT;
    }
    if (text.startsWith("FUGG")) {
      return BIG_ENDIAN;
    }
    if (text.startsWith("PK\u0003\u0004") || text.startsWith("\u0080\u0002")) {
      return "this is a PyTorch checkpoint or another archive, not a GGUF file." + CONVERT;
    }
    if (text.length() > 9 && text.charAt(8) == '{' && text.startsWith("\0\0", 6)) {
      return "this is a safetensors file, not a GGUF file. Make one of its folder with 'lorikeet"
          + " convert'";
    }
    if (trimmed.startsWith("{")
        || text.chars().allMatch(c -> c >= ' ' && c < 127 || Character.isWhitespace(c))) {
      return "this is a text file, not a GGUF file; it begins with \"%s\". Download it again"
          .formatted(GgufRules.printable(firstLine(text)));
    }
    return "this isn't a GGUF file: it doesn't begin with the letters GGUF. Give a GGUF model";
  }

  private static byte[] firstLine(String text) {
    return text.strip().lines().findFirst().orElse("").getBytes(StandardCharsets.ISO_8859_1);
  }
}

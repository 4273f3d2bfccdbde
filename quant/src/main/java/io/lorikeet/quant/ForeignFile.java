package io.lorikeet.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/// Recognizes what people mistake for a GGUF file, so that the error can say what it is.
final class ForeignFile {
  private ForeignFile() {}

  /// What a file with these first bytes is and what to do, given that it doesn't begin with `GGUF`.
  static String describe(MemorySegment file) {
    byte[] start = file.asSlice(0, Math.min(512, file.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    String text = new String(start, StandardCharsets.ISO_8859_1);
    String trimmed = text.stripLeading().toLowerCase(Locale.ROOT);
    if (start.length == 0) {
      return "the file is empty. Download or convert it again";
    }
    if (trimmed.startsWith("<!doctype html") || trimmed.startsWith("<html") || trimmed.startsWith("<?xml")) {
      return "this is a web page, not a GGUF file. Download the file itself, not the page that shows it"
          + " (on Hugging Face: 'resolve' instead of 'blob' in the address)";
    }
    if (trimmed.startsWith("version https://git-lfs")) {
      return "this is a Git LFS pointer, not the GGUF file itself. Run 'git lfs pull' where it was cloned";
    }
    if (trimmed.startsWith("lmgg") || trimmed.startsWith("fmgg") || trimmed.startsWith("tjgg")) {
      return "this is a model in ggml's format from before GGUF. Convert the original model with llama.cpp's"
          + " convert_hf_to_gguf.py";
    }
    if (text.startsWith("FUGG")) {
      return "this is a big-endian GGUF file. Convert the model for a little-endian machine";
    }
    if (text.startsWith("PK\u0003\u0004") || text.startsWith("\u0080\u0002")) {
      return "this is a PyTorch checkpoint or another archive, not a GGUF file. Convert the model with llama.cpp's"
          + " convert_hf_to_gguf.py";
    }
    if (text.length() > 9 && text.charAt(8) == '{' && text.startsWith("\0\0", 6)) {
      return "this is a safetensors file, not a GGUF file. Convert the model with llama.cpp's convert_hf_to_gguf.py";
    }
    if (trimmed.startsWith("{") || text.chars().allMatch(c -> c >= ' ' && c < 127 || Character.isWhitespace(c))) {
      return "this is a text file that begins with \"" + GgufRules.printable(firstLine(text)) + "\", not a GGUF file";
    }
    return "this isn't a GGUF file: it doesn't begin with the letters GGUF. Give a model in GGUF format";
  }

  private static byte[] firstLine(String text) {
    return text.strip().lines().findFirst().orElse("").getBytes(StandardCharsets.ISO_8859_1);
  }
}

package io.lorikeet.cli;

import io.lorikeet.quant.InvalidInputException;
import java.nio.file.Files;
import java.nio.file.Path;

/// An adapter on a command line: `FILE`, or `FILE:SCALE` for more or less of it.
///
/// @param scale factor of what it does, 1 where none is given
record AdapterArgument(Path file, double scale) {

  /// Reads one. A file whose name itself ends like a scale is taken as a file where it exists.
  ///
  /// @throws InvalidInputException when the scale is 0 or can't be one
  static AdapterArgument of(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 1 || Files.exists(Path.of(text))) {
      return new AdapterArgument(Path.of(text), 1);
    }
    try {
      double scale = NumberOptions.scale(text.substring(colon + 1));
      if (scale != 0) {
        return new AdapterArgument(Path.of(text.substring(0, colon)), scale);
      }
    } catch (IllegalArgumentException _) {
      // said below
    }
    throw new InvalidInputException(
        "adapter %s: '%s' should be a scale, a number from -1000000 to 1000000 other than 0, as in adapter.gguf:0.5"
            .formatted(text, text.substring(colon + 1)));
  }

  /// As on a command line, with the file's name alone.
  String inWords() {
    return scale == 1 ? file.getFileName().toString() : file.getFileName() + ":" + scale;
  }
}

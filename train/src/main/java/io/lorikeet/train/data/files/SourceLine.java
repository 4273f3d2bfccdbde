package io.lorikeet.train.data.files;

/// Where an example stands.
///
/// @param file the file, as the user named it
/// @param line line of the file, from 1
public record SourceLine(String file, int line) {
  @Override
  public String toString() {
    return file + ":" + line;
  }
}

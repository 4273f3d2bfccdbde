package io.lorikeet.cli;

import picocli.CommandLine.IVersionProvider;

/// The lines of `lorikeet --version`.
final class Version implements IVersionProvider {

  @Override
  public String[] getVersion() {
    return new String[] {"lorikeet " + number()};
  }

  /// Lorikeet's own version, as the build put it into the module; "development" when run from class
  /// files.
  static String number() {
    return Main.class.getModule().getDescriptor() == null
        ? "development"
        : Main.class.getModule().getDescriptor().rawVersion().orElse("development");
  }
}

package io.lorikeet.cli;

import picocli.CommandLine.IVersionProvider;

/// The line of `lorikeet --version`.
final class Version implements IVersionProvider {

  @Override
  public String[] getVersion() {
    return new String[] {Main.version()};
  }
}

package io.lorikeet.cli;

import io.lorikeet.finetune.LorikeetVersion;
import picocli.CommandLine.IVersionProvider;

/// The line of `lorikeet --version`.
final class Version implements IVersionProvider {

  @Override
  public String[] getVersion() {
    return new String[] {line()};
  }

  static String line() {
    return "lorikeet " + LorikeetVersion.number();
  }
}

package io.lorikeet.cli;

import io.lorikeet.finetune.LorikeetVersion;
import picocli.CommandLine.IVersionProvider;

/// The lines of `lorikeet --version`.
final class Version implements IVersionProvider {

  @Override
  public String[] getVersion() {
    return new String[] {"lorikeet " + LorikeetVersion.number()};
  }
}

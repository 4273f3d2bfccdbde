package io.lorikeet.finetune;

import java.lang.module.ModuleDescriptor;
import java.util.Optional;

/// Lorikeet's own version.
public final class LorikeetVersion {
  private LorikeetVersion() {}

  /// As the build put it into the modules and the manifests of their jars; "development" when run
  /// from class files.
  public static String number() {
    ModuleDescriptor module = LorikeetVersion.class.getModule().getDescriptor();
    return (module != null
            ? module.rawVersion()
            : Optional.ofNullable(LorikeetVersion.class.getPackage().getImplementationVersion()))
        .orElse("development");
  }
}

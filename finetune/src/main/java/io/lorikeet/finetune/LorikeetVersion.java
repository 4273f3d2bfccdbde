package io.lorikeet.finetune;

/// Lorikeet's own version.
public final class LorikeetVersion {
  private LorikeetVersion() {}

  /// As the build put it into the modules; "development" when run from class files.
  public static String number() {
    Module module = LorikeetVersion.class.getModule();
    return module.getDescriptor() == null
        ? "development"
        : module.getDescriptor().rawVersion().orElse("development");
  }
}

package io.lorikeet.bindings;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/// The packages of native libraries in a checkout of Lorikeet: which are installed, which is used.
///
/// @param folder `native-bindings/natives` of the checkout: a folder for each package, holding its
///     lockfile and, once installed, its libraries in `lib`; and the file `in-use`
public record InstalledNatives(Path folder) {
  /// The backends that have packages.
  public enum NativeBackend {
    CPU,
    VULKAN,
    CUDA
  }

  /// The checkout that the launcher started this process from, which it names in `lorikeet.home`;
  /// empty where it was started from a distribution, or without the launcher.
  public static Optional<InstalledNatives> ofCheckout() {
    return Optional.ofNullable(System.getProperty("lorikeet.home"))
        .map(home -> Path.of(home, "native-bindings", "natives"))
        .filter(Files::isDirectory)
        .map(InstalledNatives::new);
  }

  /// The name of the package for this platform and a backend, such as `linux-x64-vulkan`.
  public static String packageFor(NativeBackend backend) {
    return NativeLocation.platform()
        + switch (backend) {
          case CPU -> "";
          case VULKAN -> "-vulkan";
          case CUDA -> "-cuda";
        };
  }

  /// The package to use: what [#use] chose last, otherwise the platform's package for the CPU.
  public String packageInUse() {
    try {
      return Files.exists(choice())
          ? Files.readString(choice()).strip()
          : packageFor(NativeBackend.CPU);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Installs a package where it isn't yet and makes it the one that later processes load.
  ///
  /// @throws IOException when it could not be installed; the installer has told why on stderr
  public void use(NativeBackend backend) throws IOException, InterruptedException {
    String name = packageFor(backend);
    Process installer =
        new ProcessBuilder(folder.resolve("install.sh").toString(), name).inheritIO().start();
    if (installer.waitFor() != 0) {
      throw new IOException("the native libraries " + name + " could not be installed");
    }
    Path temporary = Files.createTempFile(folder, "in-use", null);
    Files.writeString(temporary, name + "\n");
    Files.move(temporary, choice(), StandardCopyOption.ATOMIC_MOVE);
  }

  /// The libraries of the package in use, or empty when it isn't installed.
  Optional<NativeLocation> location() {
    Path libraries = folder.resolve(packageInUse()).resolve("lib");
    return Files.isDirectory(libraries)
        ? Optional.of(new NativeLocation(libraries, "the package " + packageInUse()))
        : Optional.empty();
  }

  private Path choice() {
    return folder.resolve("in-use");
  }
}

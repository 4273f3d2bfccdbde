package io.lorikeet.finetune;

import io.lorikeet.bindings.AbortMessage;
import io.lorikeet.bindings.InstalledNatives;
import io.lorikeet.bindings.NativeLibrary;
import java.io.IOException;
import java.util.List;

/// The libraries of ggml and llama.cpp in use.
///
/// @param location the folder, and what named it
/// @param ggmlVersion the library's own version
/// @param llamaVersion the library's own version
/// @param missingBackends why backends in that folder can't be used here, in words
public record Natives(
    String location, String ggmlVersion, String llamaVersion, List<String> missingBackends) {

  /// The backends whose libraries can be installed. All of them compute on the CPU too.
  public enum Installable {
    CPU,
    VULKAN,
    CUDA
  }

  /// Sets the last act of this process where ggml aborts it, after the message on standard error.
  /// Loads nothing.
  public static void onAbort(Runnable action) {
    AbortMessage.then(action);
  }

  /// Loads the libraries, if that wasn't done before.
  ///
  /// @throws io.lorikeet.bindings.GgmlException when there are none, or others than are needed
  public static Natives load() {
    NativeLibrary.Loaded loaded = NativeLibrary.load();
    return new Natives(
        loaded.location().toString(),
        loaded.ggmlVersion(),
        loaded.llamaVersion(),
        loaded.missingBackends());
  }

  /// Installs libraries into the checkout that this process was started from, and makes them those
  /// that later processes load.
  ///
  /// @return false where this process wasn't started from a checkout
  /// @throws IOException when they could not be installed; the installer has told why on stderr
  public static boolean install(Installable backend) throws IOException, InterruptedException {
    InstalledNatives natives = InstalledNatives.ofCheckout().orElse(null);
    if (natives == null) {
      return false;
    }
    natives.use(InstalledNatives.NativeBackend.valueOf(backend.name()));
    return true;
  }
}

import io.lorikeet.bindings.Beta;

/// Typed access to ggml and llama.cpp; the only module that calls native code.
@Beta
module io.lorikeet.bindings {
  requires transitive org.slf4j;
  requires static transitive org.jspecify;

  exports io.lorikeet.bindings;
  exports io.lorikeet.bindings.llama;

  uses io.lorikeet.bindings.KernelLibrary.Provider;

  provides io.lorikeet.bindings.KernelLibrary.Provider with
      io.lorikeet.bindings.cpu.OneDnnProvider;
}

package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.NativeLibrary;
import io.lorikeet.bindings.NativeLog;
import io.lorikeet.llama.Llama;
import io.lorikeet.llama.llama_model_quantize_params;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/// libllama's quantizer: makes a GGUF file with smaller weights out of one with F32, F16 or BF16
/// weights.
public final class LlamaQuantizer {
  private LlamaQuantizer() {}

  /// Quantizes a model the way `llama-quantize` does. A split model becomes one file.
  ///
  /// The caller has validated the input. libllama ends the process when its hyperparameters are
  /// none, see [LlamaModel#load].
  ///
  /// @param input a GGUF file; of a split model, its first file
  /// @param output the file to write, replacing what is there; it appears under this name only when
  ///     it is complete
  /// @param threads threads to compute with
  /// @param pure gives all matrices the type that is otherwise only the recipe's most frequent
  /// @throws GgmlException with llama.cpp's reason, when it can't; also when the input is quantized
  ///     already
  /// @throws IOException when the output can't be written
  public static void quantize(
      Path input, Path output, QuantizationType type, int threads, boolean pure)
      throws IOException {
    if (threads < 1) {
      throw new IllegalArgumentException("quantizing with " + threads + " threads");
    }
    if (type.needsImportanceMatrix()) {
      throw new GgmlException(
          "llama.cpp makes "
              + type
              + " only with an importance matrix, which is not supported here; choose a larger type");
    }
    NativeLibrary.load();
    Path folder = output.toAbsolutePath().getParent();
    // Also finds out whether the folder can be written before hours of work.
    Path unfinished =
        Files.createFile(
            folder.resolve(
                "." + output.getFileName() + "." + ProcessHandle.current().pid() + ".unfinished"));
    try {
      run(input, unfinished, type, threads, pure);
      finish(unfinished, output);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  private static void run(
      Path input, Path unfinished, QuantizationType type, int threads, boolean pure) {
    try (Arena arena = Arena.ofConfined();
        NativeLog.Errors errors = NativeLog.captureErrors()) {
      MemorySegment params = Llama.llama_model_quantize_default_params(arena);
      llama_model_quantize_params.ftype(params, type.id());
      llama_model_quantize_params.nthread(params, threads);
      llama_model_quantize_params.pure(params, pure);
      int status =
          Llama.llama_model_quantize(
              arena.allocateFrom(input.toString()),
              arena.allocateFrom(unfinished.toString()),
              params);
      if (status != 0) {
        throw new GgmlException(
            "llama.cpp can't quantize " + input + " to " + type + errors.text());
      }
    }
  }

  /// libllama does not notice every failed write, so the length is checked before the file gets its
  /// name.
  private static void finish(Path unfinished, Path output) throws IOException {
    long required;
    try (GgufHeader header = new GgufHeader(unfinished)) {
      required = header.requiredFileSize();
    }
    long size = Files.size(unfinished);
    if (size < required) {
      throw new IOException(
          "only "
              + size
              + " of "
              + required
              + " bytes of "
              + output
              + " could be written; is the disk full?");
    }
    try (FileChannel channel = FileChannel.open(unfinished, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    Files.move(
        unfinished, output, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}

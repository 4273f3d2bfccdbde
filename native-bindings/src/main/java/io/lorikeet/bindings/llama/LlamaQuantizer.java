package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.NativeLibrary;
import io.lorikeet.bindings.NativeLog;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.llama.Llama;
import io.lorikeet.llama.llama_model_imatrix_data;
import io.lorikeet.llama.llama_model_quantize_params;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// libllama's quantizer: makes a GGUF file with smaller weights out of one with F32, F16 or BF16
/// weights.
public final class LlamaQuantizer {
  /// libllama's log line before each tensor, and in a dry run after it.
  private static final Pattern TENSOR = Pattern.compile("\\[ *(\\d+)/ *(\\d+)\\] (\\S+) +- \\[.*");

  private static final Pattern PLANNED = Pattern.compile("size = .* MiB \\((\\w+)\\)");
  private static final Pattern KEPT = Pattern.compile("size = +[0-9.]+ MiB");

  private LlamaQuantizer() {}

  /// The settings of a quantization.
  ///
  /// @param type the recipe
  /// @param threads threads to compute with
  /// @param pure gives all matrices the type that is otherwise only the recipe's most frequent
  /// @param importance how much each column of a matrix matters, by tensor name: as many numbers as
  ///     a row has elements, and for experts that many for each; may be empty
  public record QuantizerSettings(
      QuantizationType type, int threads, boolean pure, Map<String, float[]> importance) {
    public QuantizerSettings {
      if (threads < 1) {
        throw new IllegalArgumentException("quantizing with " + threads + " threads");
      }
      importance = Map.copyOf(importance);
    }

    /// Without an importance matrix.
    public QuantizerSettings(QuantizationType type, int threads, boolean pure) {
      this(type, threads, pure, Map.of());
    }
  }

  /// Is told how far the quantizer is.
  @FunctionalInterface
  public interface QuantizerListener {
    /// @param tensor the tensor that is worked on now
    /// @param number its number, from 1
    /// @param count tensors of the model
    void at(String tensor, int number, int count);
  }

  /// Quantizes a model the way `llama-quantize` does. A split model becomes one file.
  ///
  /// The caller has validated the input. libllama ends the process when its hyperparameters are
  /// none, see [LlamaModel#load].
  ///
  /// @param input a GGUF file; of a split model, its first file
  /// @param output the file to write, replacing what is there from the beginning on
  /// @throws GgmlException with llama.cpp's reason, when it can't; also when the input is quantized
  ///     already, or the type needs an importance matrix and has none
  /// @throws IOException when the output can't be written
  public static void quantize(
      Path input, Path output, QuantizerSettings settings, QuantizerListener listener)
      throws IOException {
    if (settings.type.needsImportanceMatrix() && settings.importance.isEmpty()) {
      throw new GgmlException(
          "llama.cpp makes " + settings.type + " only with an importance matrix");
    }
    NativeLibrary.load();
    run(input, output, settings, false, line -> report(line, listener));
    requireComplete(output);
  }

  private static void report(String line, QuantizerListener listener) {
    Matcher tensor = TENSOR.matcher(line);
    if (tensor.matches()) {
      listener.at(
          tensor.group(3), Integer.parseInt(tensor.group(1)), Integer.parseInt(tensor.group(2)));
    }
  }

  /// The types that [#quantize] would give the tensors, by their names; those that it would leave
  /// as they are aren't among them. No tensor's data is read.
  ///
  /// @throws GgmlException with llama.cpp's reason, when it couldn't quantize
  public static Map<String, TensorType> plan(Path input, QuantizerSettings settings) {
    NativeLibrary.load();
    Map<String, TensorType> types = new LinkedHashMap<>();
    String[] current = {null};
    run(
        input,
        input, // which isn't written
        settings,
        true,
        line -> {
          Matcher tensor = TENSOR.matcher(line);
          Matcher planned = PLANNED.matcher(line);
          if (tensor.matches()) {
            current[0] = tensor.group(3);
          } else if (planned.matches()) {
            types.put(current[0], type(planned.group(1)));
          } else if (current[0] != null && !KEPT.matcher(line).matches()) {
            current[0] = null;
          }
        });
    return types;
  }

  private static TensorType type(String name) {
    return Arrays.stream(TensorType.values())
        .filter(type -> type.ggmlName().equals(name))
        .findFirst()
        .orElseThrow(() -> new GgmlException("llama.cpp plans an unknown type, " + name));
  }

  private static void run(
      Path input,
      Path output,
      QuantizerSettings settings,
      boolean dry,
      Consumer<String> information) {
    try (Arena arena = Arena.ofConfined();
        NativeLog.Errors errors = NativeLog.captureErrors();
        NativeLog.Listening _ = NativeLog.listen(information)) {
      MemorySegment params = Llama.llama_model_quantize_default_params(arena);
      llama_model_quantize_params.ftype(params, settings.type.id());
      llama_model_quantize_params.nthread(params, settings.threads);
      llama_model_quantize_params.pure(params, settings.pure);
      llama_model_quantize_params.dry_run(params, dry);
      if (!settings.importance.isEmpty()) {
        llama_model_quantize_params.imatrix(params, importance(settings.importance, arena));
      }
      int status =
          Llama.llama_model_quantize(
              arena.allocateFrom(input.toString()), arena.allocateFrom(output.toString()), params);
      if (status != 0) {
        throw new GgmlException(
            "llama.cpp can't quantize " + input + " to " + settings.type + errors.text());
      }
    }
  }

  /// An array of names and numbers, with an entry without a name at its end.
  private static MemorySegment importance(Map<String, float[]> importance, Arena arena) {
    MemorySegment entries =
        llama_model_imatrix_data.allocateArray(importance.size() + 1L, arena).fill((byte) 0);
    long index = 0;
    for (Map.Entry<String, float[]> tensor : importance.entrySet()) {
      MemorySegment entry = llama_model_imatrix_data.asSlice(entries, index++);
      llama_model_imatrix_data.name(entry, arena.allocateFrom(tensor.getKey()));
      llama_model_imatrix_data.data(
          entry, arena.allocateFrom(ValueLayout.JAVA_FLOAT, tensor.getValue()));
      llama_model_imatrix_data.size(entry, tensor.getValue().length);
    }
    return entries;
  }

  /// libllama does not notice every failed write.
  private static void requireComplete(Path output) throws IOException {
    long required;
    try (NativeGgufHeader header = new NativeGgufHeader(output)) {
      required = header.requiredFileSize();
    }
    long size = Files.size(output);
    if (size < required) {
      throw new IOException(
          "only %s of %s bytes could be written; is the disk full?".formatted(size, required));
    }
  }
}

package io.lorikeet.quant;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaQuantizer;
import io.lorikeet.bindings.llama.QuantizationType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/// Makes a quantized GGUF model of one in F32, F16 or BF16, by libllama's quantizer and so exactly
/// as `llama-quantize`.
public final class ModelQuantizer {
  private static final long WRITTEN_ALIGNMENT = 32;

  private ModelQuantizer() {}

  /// Quantizes a model. A split one becomes a single file.
  ///
  /// @param input a GGUF model, of a split one any file
  /// @param output the file to write, which replaces one of that name; it appears there only when
  ///     it is complete
  /// @param type llama.cpp's name of the recipe in any case, such as `Q4_0` or `Q4_K_M`
  /// @param threads threads to compute with
  /// @throws InvalidInputException when the input isn't a valid model or is quantized already, or
  ///     there is no such type
  /// @throws IOException when the input can't be read or the output not be written
  /// @throws GgmlException when libllama refuses, with its reason
  public static void quantize(Path input, Path output, String type, int threads)
      throws IOException {
    quantize(input, output, type, threads, Optional.empty(), (_, _, _) -> {});
  }

  /// Quantizes a model as [#quantize], with errors weighted by the importance of their columns.
  ///
  /// @param importance importance of each tensor's columns; some types need it
  /// @param listener told before each tensor
  /// @throws InvalidInputException also when the importance matrix isn't this model's
  public static void quantize(
      Path input,
      Path output,
      String type,
      int threads,
      Optional<ImportanceMatrix> importance,
      LlamaQuantizer.QuantizerListener listener)
      throws IOException {
    new OutputPlan().reads("the model", input).writes("output", output).check();
    LlamaQuantizer.QuantizerSettings settings;
    Path first;
    try (GgufFile file = GgufFile.open(input)) {
      settings = settings(file, type, threads, importance);
      FiniteWeights.require(file);
      first = file.paths().getFirst();
    }
    try (AtomicFile file = AtomicFile.create(output)) {
      try {
        LlamaQuantizer.quantize(first, file.path(), settings, listener);
      } catch (IOException e) {
        throw AtomicFile.explain(output, e);
      } catch (GgmlException e) {
        throw causeOf(e, output);
      }
      file.commit();
    }
  }

  private static LlamaQuantizer.QuantizerSettings settings(
      GgufFile file, String type, int threads, Optional<ImportanceMatrix> importance) {
    QuantizationType recipe = recipe(type);
    if (recipe.needsImportanceMatrix() && importance.isEmpty()) {
      throw new InvalidInputException(
          recipe
              + " needs an importance matrix: make one with 'lorikeet imatrix', and give it with"
              + " --imatrix");
    }
    LlamaLimits.check(file);
    checkUnquantized(file);
    checkAlignment(file);
    importance.ifPresent(matrix -> matrix.check(file));
    return new LlamaQuantizer.QuantizerSettings(
        recipe, threads, false, importance.map(ImportanceMatrix::weights).orElse(Map.of()));
  }

  /// The tensors as they would be written. Only their names, types, shapes and sizes are valid.
  ///
  /// @throws InvalidInputException as [#quantize]
  /// @throws GgmlException when libllama refuses, with its reason
  public static List<GgufTensor> plan(
      Path input, String type, Optional<ImportanceMatrix> importance) throws IOException {
    try (GgufFile file = GgufFile.open(input)) {
      LlamaQuantizer.QuantizerSettings settings = settings(file, type, 1, importance);
      Map<String, TensorType> types;
      try {
        types = LlamaQuantizer.plan(file.paths().getFirst(), settings);
      } catch (GgmlException e) {
        throw causeOf(e, input);
      }
      return file.tensors().stream()
          .map(
              tensor -> {
                TensorType planned = types.getOrDefault(tensor.name(), tensor.type());
                long bytes = GgufRules.bytes(planned, tensor.shape());
                return new GgufTensor(tensor.name(), planned, tensor.shape(), 0, bytes, 0);
              })
          .toList();
    }
  }

  /// libllama has one status for all failures. Those of the disk and of memory are known by its
  /// words; all others are refusals of the model.
  private static GgmlException causeOf(GgmlException failure, Path output) throws IOException {
    if (failure.getMessage().contains("iostream error")) { // of the C++ stream that it writes with
      throw AtomicFile.explain(
          output,
          new IOException(
              "the disk is full or fails. Free some space, or choose another", failure));
    }
    if (failure.getMessage().contains("alloc")) {
      return failure;
    }
    throw new InvalidInputException(
        failure.getMessage() + ". Give a complete model that llama.cpp knows", failure);
  }

  /// The names of all types that [#quantize] can make, the largest first.
  public static List<String> types() {
    return Arrays.stream(QuantizationType.values()).map(QuantizationType::name).toList();
  }

  /// The type of this name.
  ///
  /// @throws InvalidInputException when there is none
  public static QuantizationType recipe(String name) {
    return QuantizationType.byName(name)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "no quantization is called '%s'; known are %s%s"
                        .formatted(
                            name, String.join(", ", types()), NearestName.hint(name, types()))));
  }

  /// libllama copies the key, but writes tensors that are aligned to 32 bytes.
  private static void checkAlignment(GgufFile file) {
    long alignment = file.metadata().integer(GgufRules.ALIGNMENT_KEY).orElse(WRITTEN_ALIGNMENT);
    if (alignment != WRITTEN_ALIGNMENT) {
      throw new InvalidInputException(
          "%s: %s is %s, and llama.cpp's quantizer writes files of alignment %s only. Convert the model again"
              .formatted(file.path(), GgufRules.ALIGNMENT_KEY, alignment, WRITTEN_ALIGNMENT));
    }
  }

  private static void checkUnquantized(GgufFile file) {
    List<GgufTensor> quantized =
        file.tensors().stream().filter(tensor -> tensor.type().isQuantized()).toList();
    if (!quantized.isEmpty()) {
      String types =
          quantized.stream()
              .map(GgufTensor::type)
              .distinct()
              .map(TensorType::ggmlName)
              .collect(Collectors.joining(", "));
      throw new InvalidInputException(
          "%s is quantized already: %s of its %s tensors are %s. Give the model in F32, F16 or BF16"
              .formatted(file.path(), quantized.size(), file.tensors().size(), types));
    }
  }
}

package io.lorikeet.quant;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaQuantizer;
import io.lorikeet.bindings.llama.QuantizationType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// Makes a quantized GGUF model of one in F32, F16 or BF16, by libllama's quantizer and so exactly
/// as `llama-quantize`.
public final class ModelQuantizer {
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
    QuantizationType recipe = recipe(type);
    Path first;
    try (GgufFile file = GgufFile.open(input)) {
      LlamaLimits.check(file);
      checkUnquantized(file);
      checkOther(file, output);
      first = file.paths().getFirst();
    }
    try {
      LlamaQuantizer.quantize(first, output, recipe, threads, false);
    } catch (IOException e) {
      throw AtomicFile.explain(output, e);
    } catch (GgmlException e) {
      throw causeOf(e, output);
    }
  }

  /// libllama has one status for all failures; two of them aren't its own, and are known by its
  /// words.
  private static GgmlException causeOf(GgmlException failure, Path output) throws IOException {
    if (failure.getMessage().contains("iostream error")) { // of the C++ stream that it writes with
      throw AtomicFile.explain(
          output,
          new IOException(
              "the disk is full or fails. Free some space, or choose another", failure));
    }
    if (failure.getMessage().contains("unknown model architecture")) {
      throw new InvalidInputException(
          failure.getMessage() + ". Give a model that llama.cpp knows", failure);
    }
    return failure;
  }

  /// The names of all types that [#quantize] can make, the largest first.
  public static List<String> types() {
    return Arrays.stream(QuantizationType.values())
        .filter(type -> !type.needsImportanceMatrix())
        .map(QuantizationType::name)
        .toList();
  }

  /// The type of this name.
  ///
  /// @throws InvalidInputException when there is none
  public static QuantizationType recipe(String name) {
    String known = "known are " + String.join(", ", types());
    QuantizationType type =
        QuantizationType.byName(name)
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "no quantization is called '%s'; %s".formatted(name, known)));
    if (type.needsImportanceMatrix()) {
      throw new InvalidInputException(
          "%s needs an importance matrix, which Lorikeet doesn't make; %s".formatted(type, known));
    }
    return type;
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

  private static void checkOther(GgufFile file, Path output) throws IOException {
    if (Files.exists(output) && !Files.isRegularFile(output)) {
      throw new InvalidInputException(output + " isn't an ordinary file. Give the name of a file");
    }
    for (Path part : file.paths()) {
      if (Files.exists(output) && Files.isSameFile(part, output)) {
        throw new InvalidInputException(
            output + " is the model to be quantized itself. Give the quantized one another name");
      }
    }
  }
}

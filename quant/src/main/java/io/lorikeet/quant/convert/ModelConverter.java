package io.lorikeet.quant.convert;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.QuantizationType;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelQuantizer;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsType;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/// Makes a GGUF model of a Hugging Face folder: `config.json`, the tokenizer's files and
/// safetensors. Names, keys and numbers are those that llama.cpp's `convert_hf_to_gguf.py` writes.
/// Tensors are streamed one row after the other, so little memory is needed whatever the size.
public final class ModelConverter {
  /// Types that are written at once; all others are quantized from a file of full precision.
  private static final Map<QuantizationType, TensorType> DIRECT =
      Map.of(
          QuantizationType.F32, TensorType.F32,
          QuantizationType.F16, TensorType.F16,
          QuantizationType.BF16, TensorType.BF16,
          QuantizationType.Q8_0, TensorType.Q8_0);

  /// Ends of names of matrices that llama.cpp wants as they are.
  private static final List<String> ALWAYS_F32 =
      List.of(
          "_norm.weight",
          "ffn_gate_inp.weight",
          "ffn_gate_inp_shexp.weight",
          "ssm_conv1d.weight",
          "shortconv.conv.weight");

  private static final int MXFP4_FILE = 38;
  private static final int QUANTIZATION_VERSION = 2;

  private ModelConverter() {}

  /// How far a conversion is.
  ///
  /// @param tensor the tensor that is written now
  /// @param written bytes of all tensors before it
  /// @param total bytes of all tensors
  public record TensorProgress(String tensor, long written, long total) {}

  /// Converts a model.
  ///
  /// @param folder the folder
  /// @param output the file to write, which replaces one of that name; it appears there only when
  ///     it is complete
  /// @param type llama.cpp's name of a type or recipe in any case, such as `F16` or `Q4_K_M`; empty
  ///     for the type that the weights have (F16 where that is 8 bits wide)
  /// @param threads threads to quantize with
  /// @param listener told before each tensor
  /// @return notes on the folder for the user, one sentence each
  /// @throws InvalidInputException when the folder isn't a valid model, or not of a known kind, or
  ///     the type needs an importance matrix
  /// @throws IOException when it can't be read or the output not be written
  public static List<String> convert(
      Path folder,
      Path output,
      Optional<String> type,
      int threads,
      Consumer<TensorProgress> listener)
      throws IOException {
    new OutputPlan().reads("the folder", folder).writes("output", output).check();
    ModelFolder model = ModelFolder.open(folder);
    ConvertedFamily family = Families.of(model);
    try (SafetensorsFile file = SafetensorsFile.open(folder)) {
      StoredWeights weights = StoredWeights.of(file, family.config());
      family.checkHead(weights);
      QuantizationType recipe =
          type.map(ModelQuantizer::recipe).orElseGet(() -> defaultType(weights.type()));
      if (recipe.needsImportanceMatrix()) {
        throw new InvalidInputException(
            recipe
                + " needs an importance matrix, which is measured on the converted model: convert"
                + " to F16 or BF16, make one with 'lorikeet imatrix', and give both to 'lorikeet"
                + " quantize'");
      }
      if (DIRECT.containsKey(recipe)) {
        write(family, weights, recipe, output, listener);
      } else {
        quantize(family, weights, recipe, output, threads, listener);
      }
      return FolderTemplates.notes(model);
    }
  }

  /// llama.cpp's choice: the weights' type, or F16 where GGUF has no such type.
  private static QuantizationType defaultType(SafetensorsType stored) {
    return stored == SafetensorsType.BF16 ? QuantizationType.BF16 : QuantizationType.F16;
  }

  private static QuantizationType exactType(SafetensorsType stored) {
    return switch (stored) {
      case BF16 -> QuantizationType.BF16;
      case F16 -> QuantizationType.F16;
      default -> QuantizationType.F32;
    };
  }

  /// By way of a file without loss beside the output, which is deleted afterwards.
  private static void quantize(
      ConvertedFamily family,
      StoredWeights weights,
      QuantizationType recipe,
      Path output,
      int threads,
      Consumer<TensorProgress> listener)
      throws IOException {
    try (AtomicFile full = AtomicFile.create(output)) {
      write(family, weights, exactType(weights.type()), full.path(), listener);
      ModelQuantizer.quantize(full.path(), output, recipe.name(), threads);
    }
  }

  private static void write(
      ConvertedFamily family,
      StoredWeights weights,
      QuantizationType recipe,
      Path output,
      Consumer<TensorProgress> listener)
      throws IOException {
    GgufWriter writer = new GgufWriter();
    writer.putString("general.architecture", family.architecture());
    writer.putString("general.type", "model");
    List<OutputTensor> tensors = family.tensors(weights, writer);
    Vocabulary vocabulary = family.vocabulary();
    GeneralMetadata.put(family.folder(), tensors, vocabulary.tokens(), writer);
    ModelCard.put(family.folder(), writer);
    family.putParameters(writer);
    PoolingModule.put(family.folder(), family.architecture(), writer);
    boolean packed = tensors.stream().anyMatch(OutputTensor.Blocks.class::isInstance);
    writer.putUint32("general.file_type", packed ? MXFP4_FILE : recipe.id());
    writer.putUint32("general.quantization_version", QUANTIZATION_VERSION);
    checkEmbedding(family, tensors, vocabulary);
    vocabulary.put(writer);
    family.putSpecialTokens(SpecialTokens.of(family.folder(), vocabulary), vocabulary, writer);
    TensorType type =
        Objects.requireNonNull(DIRECT.get(recipe), "others are quantized from a file");
    add(tensors, type, writer, listener);
    writer.write(output);
    weights.file().checkUnchanged();
  }

  private static void checkEmbedding(
      ConvertedFamily family, List<OutputTensor> tensors, Vocabulary vocabulary) {
    for (OutputTensor tensor : tensors) {
      boolean perToken = List.of("token_embd.weight", "output.weight").contains(tensor.name());
      if (perToken && tensor.shape().getLast() != vocabulary.size()) {
        throw family
            .config()
            .invalid(
                "%s has %s rows, but the vocabulary %s tokens; 'vocab_size' and the tokenizer don't fit the weights"
                    .formatted(tensor.name(), tensor.shape().getLast(), vocabulary.size()));
      }
    }
  }

  private static void add(
      List<OutputTensor> tensors,
      TensorType wanted,
      GgufWriter writer,
      Consumer<TensorProgress> listener) {
    List<Planned> planned = tensors.stream().map(tensor -> plan(tensor, wanted)).toList();
    long total = planned.stream().mapToLong(Planned::bytes).sum();
    long written = 0;
    for (Planned each : planned) {
      TensorProgress progress = new TensorProgress(each.tensor.name(), written, total);
      written += each.bytes();
      writer.addTensor(
          each.tensor.name(),
          each.type,
          each.tensor.shape().stream().mapToLong(Long::longValue).toArray(),
          channel -> {
            listener.accept(progress);
            each.source.writeTo(channel);
          });
    }
  }

  private record Planned(OutputTensor tensor, TensorType type, TensorSource source) {
    long bytes() {
      return tensor.elements() / type.blockSize() * type.blockBytes();
    }
  }

  private static Planned plan(OutputTensor tensor, TensorType wanted) {
    return switch (tensor) {
      case OutputTensor.Blocks blocks -> new Planned(tensor, blocks.type(), blocks.source());
      case OutputTensor.NumberTensor numbers -> {
        TensorType type = type(numbers, wanted);
        yield new Planned(tensor, type, RowEncoder.source(numbers.rows(), type));
      }
    };
  }

  /// Vectors, norms, gates of experts, convolutions and biases stay in F32, as everything in
  /// llama.cpp expects.
  private static TensorType type(OutputTensor.NumberTensor tensor, TensorType wanted) {
    String name = tensor.name();
    if (tensor.rows().isVector()
        || ALWAYS_F32.stream().anyMatch(name::endsWith)
        || !name.endsWith(".weight")) {
      return TensorType.F32;
    }
    return tensor.rows().width() % wanted.blockSize() == 0 ? wanted : TensorType.F16;
  }
}

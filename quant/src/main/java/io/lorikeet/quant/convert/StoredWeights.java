package io.lorikeet.quant.convert;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import io.lorikeet.quant.SafetensorsType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// The tensors of a model's folder under the names that they have there, without what is no part of
/// the text model, and with 8-bit ones multiplied by their scales.
final class StoredWeights {
  /// Parts of names of what sees and hears, as `TextModel.filter_tensors` in `conversion/base.py`.
  private static final List<String> NOT_TEXT =
      List.of(
          "visual.",
          "vision.",
          "audio.",
          "vision_",
          "audio_",
          "projector.",
          "pre_mm_projector_norm",
          "image_newline",
          "patch_embed",
          "patch_merger.",
          "model.connector.");

  /// Names in a model that was saved without its head, such as an embedding model.
  private static final Pattern WITHOUT_HEAD = Pattern.compile("(layers|embed_tokens|norm)\\.");

  /// Tensors that models are saved with and that follow from the configuration.
  private static final List<String> DERIVED =
      List.of(".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq");

  private final SafetensorsFile file;
  private final Map<String, SafetensorsTensor> tensors = new LinkedHashMap<>();
  private final Map<String, SafetensorsTensor> scales = new LinkedHashMap<>();
  private final int[] scaleBlock;

  private StoredWeights(SafetensorsFile file, int[] scaleBlock) {
    this.file = file;
    this.scaleBlock = scaleBlock;
  }

  /// Collects the tensors of a model.
  ///
  /// @throws InvalidInputException when the model is quantized in a way that isn't known here
  static StoredWeights of(SafetensorsFile file, Config config) {
    if (config.part("quantization").has("bits")) {
      throw unknownMethod(config, "MLX");
    }
    Config quantization = config.part("quantization_config");
    String method = quantization.text("quant_method").orElse("none");
    String suffix =
        switch (method) {
          case "none", "mxfp4" -> "";
          case "fp8" -> "_scale_inv";
          case "compressed-tensors" -> {
            String format = quantization.text("format").orElse("");
            if (!format.equals("float-quantized")) {
              throw unknownMethod(config, method + " " + format);
            }
            yield "_scale";
          }
          default -> throw unknownMethod(config, method);
        };
    StoredWeights weights = new StoredWeights(file, scaleBlock(quantization));
    for (SafetensorsTensor tensor : file.tensors()) {
      weights.add(tensor, suffix);
    }
    weights.checkTypes();
    return weights;
  }

  private static InvalidInputException unknownMethod(Config config, String method) {
    return config.invalid(
        "the weights are quantized by '%s'; only fp8, compressed-tensors float-quantized and mxfp4 can be read. Give the model in F32, F16 or BF16"
            .formatted(method));
  }

  private static int[] scaleBlock(Config quantization) {
    return quantization
        .list("weight_block_size")
        .map(sizes -> sizes.stream().mapToInt(size -> Math.max(1, size.asInt())).toArray())
        .orElse(new int[0]);
  }

  private void add(SafetensorsTensor tensor, String scaleSuffix) {
    String name = tensor.name();
    if (NOT_TEXT.stream().anyMatch(name::contains) || DERIVED.stream().anyMatch(name::endsWith)) {
      return;
    }
    String within = name.replace("language_model.", "");
    String text = WITHOUT_HEAD.matcher(within).lookingAt() ? "model." + within : within;
    if (!scaleSuffix.isEmpty() && text.endsWith(".weight" + scaleSuffix)) {
      scales.put(text.substring(0, text.length() - scaleSuffix.length()), tensor);
    } else if (!text.endsWith("_activation_scale")
        && !text.endsWith(".input_scale")
        && !text.endsWith(".activation_scale")) {
      tensors.put(text, tensor);
    }
  }

  private void checkTypes() {
    List<String> problems = new ArrayList<>();
    tensors.forEach(
        (name, tensor) -> {
          boolean packed = tensor.type() == SafetensorsType.U8 && isPacked(name);
          if (!tensor.type().isFloat() && !packed) {
            problems.add("'" + tensor.name() + "' is " + tensor.type());
          }
          if (tensor.shape().stream().anyMatch(dimension -> dimension == 0)) {
            problems.add("'" + tensor.name() + "' is empty: " + tensor.shape());
          }
        });
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          file.path() + ": tensors that aren't weights in F32, F16, BF16 or F8", problems);
    }
  }

  static boolean isPacked(String name) {
    return name.endsWith("_blocks") || name.endsWith("_scales");
  }

  /// The names of all tensors, in the order of the files.
  Set<String> names() {
    return tensors.keySet();
  }

  boolean has(String name) {
    return tensors.containsKey(name);
  }

  /// The stored tensor itself.
  ///
  /// @throws IllegalArgumentException when there is none
  SafetensorsTensor stored(String name) {
    SafetensorsTensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("no tensor '" + name + "' is stored");
    }
    return tensor;
  }

  SafetensorsFile file() {
    return file;
  }

  /// The type that matrices are stored in; the largest of them where they differ.
  SafetensorsType type() {
    Predicate<SafetensorsTensor> isMatrix = tensor -> tensor.shape().size() > 1;
    Set<SafetensorsType> types = new TreeSet<>();
    tensors.values().stream()
        .filter(isMatrix)
        .map(SafetensorsTensor::type)
        .filter(SafetensorsType::isFloat)
        .forEach(types::add);
    return types.size() == 1 && scales.isEmpty() ? types.iterator().next() : SafetensorsType.F32;
  }

  /// A tensor's numbers.
  WeightRows rows(String name) {
    WeightRows rows = WeightRows.of(file, stored(name));
    SafetensorsTensor scale = scales.get(name);
    return scale == null ? rows : scaled(rows, scale);
  }

  /// Multiplied by one scale for all, for each row, or for each block of rows and columns.
  private WeightRows scaled(WeightRows rows, SafetensorsTensor scale) {
    int count = Math.toIntExact(scale.elements());
    float[] factors = new float[count];
    scale.type().readFloats(file.data(scale), 0, factors);
    boolean blocked = scaleBlock.length == 2 && scale.shape().size() == 2 && count > 1;
    int blockRows = blocked ? scaleBlock[0] : 1;
    int blockColumns = blocked ? scaleBlock[1] : rows.width();
    long perRow = Math.ceilDiv(rows.width(), blockColumns);
    if (count != 1 && count != Math.ceilDiv(rows.rows(), blockRows) * perRow) {
      throw new InvalidInputException(
          "%s: '%s' %s doesn't fit the scales '%s' %s"
              .formatted(file.path(), rows.origin(), rows.shape(), scale.name(), scale.shape()));
    }
    return new WeightRows(
        rows.shape(),
        rows.origin(),
        (row, into) -> {
          rows.reader().read(row, into);
          for (int i = 0; i < into.length; i++) {
            long at = count == 1 ? 0 : row / blockRows * perRow + i / blockColumns;
            into[i] *= factors[(int) at];
          }
        });
  }
}

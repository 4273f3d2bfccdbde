package io.lorikeet.quant.convert;

import static java.math.RoundingMode.HALF_EVEN;

import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.PathParts;
import io.lorikeet.quant.VocabularyLimits;
import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// The keys under `general.`: what the model is called, how large it is, and the settings it
/// suggests for sampling (`Metadata` in llama.cpp's `gguf-py/gguf/metadata.py`; [ModelCard] has the
/// rest).
final class GeneralMetadata {
  private GeneralMetadata() {}

  /// @param vocabulary the texts of all tokens
  static void put(
      ModelFolder folder, List<OutputTensor> tensors, List<String> vocabulary, GgufWriter writer) {
    folder.generationConfig().ifPresent(config -> putSampling(config, writer));
    long parameters = tensors.stream().mapToLong(OutputTensor::elements).sum();
    Optional<ModelName> saved =
        folder
            .config()
            .text("_name_or_path")
            .filter(name -> !name.isEmpty() && name.chars().filter(c -> c == '/').count() <= 1)
            .map(name -> ModelName.of(name, parameters));
    ModelName named = ModelName.of(PathParts.name(folder.path()), parameters);
    String title = ModelName.title(saved.map(ModelName::name).orElse(named.name()));
    if (VocabularyLimits.bearsName(title, vocabulary)) { // else it has to go without
      writer.putString("general.name", title);
    }
    putFirst(
        writer, "organization", saved, named, name -> name.organization().map(ModelName::title));
    putFirst(writer, "version", saved, named, ModelName::version);
    putFirst(writer, "finetune", saved, named, ModelName::finetune);
    putFirst(writer, "basename", saved, named, ModelName::basename);
    writer.putString(
        "general.size_label",
        saved
            .flatMap(ModelName::sizeLabel)
            .or(named::sizeLabel)
            .orElseGet(() -> sizeLabel(tensors)));
  }

  private static void putFirst(
      GgufWriter writer,
      String key,
      Optional<ModelName> saved,
      ModelName named,
      Function<ModelName, Optional<String>> part) {
    saved
        .flatMap(part)
        .or(() -> part.apply(named))
        .ifPresent(value -> writer.putString("general." + key, value));
  }

  private static void putSampling(Config config, GgufWriter writer) {
    config
        .integer("top_k")
        .ifPresent(value -> writer.putInt32("general.sampling.top_k", (int) value));
    putReal(config, writer, "top_p", "top_p");
    putReal(config, writer, "min_p", "min_p");
    putReal(config, writer, "temp", "temperature");
    putReal(config, writer, "penalty_repeat", "repetition_penalty");
  }

  private static void putReal(Config config, GgufWriter writer, String key, String name) {
    config
        .real(name)
        .ifPresent(value -> writer.putFloat32("general.sampling." + key, (float) value));
  }

  /// Such as `1.1B`, or `8x7B` with experts: what one of them and all that they share have.
  static String sizeLabel(List<OutputTensor> tensors) {
    long shared = 0;
    long ofOneExpert = 0;
    long experts = 0;
    int expertTensors = 0;
    for (OutputTensor tensor : tensors) {
      if (tensor.name().contains("_exps.") && tensor.shape().size() >= 3) {
        long count = tensor.shape().get(2);
        ofOneExpert += tensor.elements() / count;
        experts += count;
        expertTensors++;
      } else {
        shared += tensor.elements();
      }
    }
    String size = rounded(shared + ofOneExpert);
    return expertTensors == 0 ? size : experts / expertTensors + "x" + size;
  }

  private static String rounded(long count) {
    double scaled = count;
    String unit = "K";
    if (count > 1e12) {
      scaled *= 1e-12;
      unit = "T";
    } else if (count > 1e9) {
      scaled *= 1e-9;
      unit = "B";
    } else if (count > 1e6) {
      scaled *= 1e-6;
      unit = "M";
    } else {
      scaled *= 1e-3;
    }
    long whole = Math.round(Math.rint(scaled));
    int digits = whole == 0 ? 0 : Long.toString(whole).length();
    // As Python rounds: halves go to the even neighbour.
    BigDecimal shown = new BigDecimal(scaled).setScale(Math.max(2 - digits, 0), HALF_EVEN);
    return shown.toPlainString() + unit;
  }
}

package io.lorikeet.export.peft;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Finds out what a folder that PEFT wrote changes in the tensors of a base, when it is merged.
final class PeftChanges {
  private final GgufFile base;
  private final PeftConfig config;
  private final List<String> problems;
  private final PeftTensors tensors;
  private final PeftPairs pairs;

  /// Modules with a place in the base, some of them in several tensors.
  private final Set<String> placed = new HashSet<>();

  PeftChanges(GgufFile base, SafetensorsFile file, PeftConfig config) {
    this.base = base;
    this.config = config;
    problems = new ArrayList<>(config.unsaid());
    if (!config.invocation().isEmpty()) {
      problems.add(
          PeftKeys.INVOCATION + ": it acts only from certain tokens on, and merged weights on all");
    }
    tensors = new PeftTensors(file, problems);
    pairs = new PeftPairs(base, file, config, problems);
  }

  /// The changes by tensor, in the base's order.
  ///
  /// @throws InvalidInputException with all that is wrong
  Map<GgufTensor, List<PeftRows.Change>> read(Path folder) {
    Map<GgufTensor, List<PeftRows.Change>> changes = new LinkedHashMap<>();
    PeftPlaces places = PeftPlaces.of(base);
    Map<String, PeftPlace> norms = norms();
    for (GgufTensor tensor : base.tensors()) {
      PeftPlace norm = norms.get(tensor.name());
      List<PeftRows.Change> ofTensor = new ArrayList<>();
      for (PeftPlace place : norm == null ? places.of(tensor) : List.of(norm)) {
        change(place).ifPresent(ofTensor::add);
      }
      if (!ofTensor.isEmpty()) {
        requireWritable(tensor, ofTensor);
        changes.put(tensor, ofTensor);
      }
    }
    addUnplaced();
    for (String saved : config.whole()) {
      if (tensors.whole().keySet().stream().noneMatch(name -> ("." + name).endsWith("." + saved))) {
        problems.add("modules_to_save names " + saved + ", whose weight isn't in the file");
      }
    }
    if (changes.isEmpty() && problems.isEmpty()) {
      problems.add("it holds nothing to merge");
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(folder + " can't be merged into " + base.path(), problems);
    }
    return changes;
  }

  private void addUnplaced() {
    tensors.unplaced(placed).forEach(module -> problems.add(pairs.notInBase(module)));
    tensors
        .magnitudes()
        .forEach(
            (name, tensor) -> {
              if (!placed.contains(name) || !tensors.modules().containsKey(name)) {
                problems.add(tensor.name() + " has no pair beside it");
              }
            });
    tensors
        .whole()
        .forEach(
            (name, tensor) -> {
              if (!placed.contains(name)) {
                problems.add(tensor.name() + " has no place in the base");
              }
            });
  }

  private Map<String, PeftPlace> norms() {
    String architecture = base.metadata().requireString("general.architecture");
    Map<String, PeftPlace> norms = new LinkedHashMap<>();
    for (String module : tensors.whole().keySet()) {
      PeftNorms.tensor(architecture, module)
          .flatMap(base::tensor)
          .ifPresent(
              tensor -> {
                int length = Math.toIntExact(tensor.elements());
                norms.put(
                    tensor.name(),
                    new PeftPlace(
                        module, tensor.name(), 0, 1, length, PeftOrder.SAME, PeftOrder.SAME));
              });
    }
    return norms;
  }

  private Optional<PeftRows.Change> change(PeftPlace place) {
    Optional<SafetensorsTensor> whole = Optional.ofNullable(tensors.whole().get(place.module()));
    PeftTensors.Module module = tensors.modules().get(place.module());
    Optional<SafetensorsTensor> magnitude =
        module == null
            ? Optional.empty()
            : Optional.ofNullable(tensors.magnitudes().get(place.module()));
    if (whole.isEmpty() && module == null) {
      return Optional.empty();
    }
    placed.add(place.module());
    whole.ifPresent(tensor -> check(place, tensor));
    if (module != null && config.dora() && magnitude.isEmpty()) {
      problems.add(module.fullName() + ": lora_magnitude_vector is missing");
    }
    Optional<PeftJoin.ModulePair> part =
        module == null ? Optional.empty() : pairs.part(place, module);
    return Optional.of(
        new PeftRows.Change(place, whole, part, magnitude.map(each -> magnitudes(place, each))));
  }

  private void check(PeftPlace place, SafetensorsTensor tensor) {
    List<Long> expected =
        tensor.shape().size() == 1
            ? List.of((long) place.columns())
            : List.of((long) place.rows(), (long) place.columns());
    boolean vector = tensor.shape().size() == 1 && place.rows() > 1;
    if (vector || !tensor.shape().equals(expected)) {
      problems.add(
          "%s has the shape %s, and should have [%s, %s] as in the base"
              .formatted(tensor.name(), tensor.shape(), place.rows(), place.columns()));
    }
    if (!tensor.type().isFloat()) {
      problems.add(tensor.name() + " is " + tensor.type() + ", and should be F32, F16 or BF16");
    }
    if (place.isEmbedding() && base.tensor("output.weight").isEmpty()) {
      problems.add(tensor.name() + " is the head too in this base, which PEFT left as it was");
    }
  }

  private float[] magnitudes(PeftPlace place, SafetensorsTensor tensor) {
    if (place.isEmbedding()) {
      problems.add(tensor.name() + " is of the embedding, whose magnitudes aren't supported");
    } else if (tensor.elements() != place.rows()) {
      problems.add(
          "%s has the shape %s, and should have [%s]"
              .formatted(tensor.name(), tensor.shape(), place.rows()));
    }
    return pairs.values(tensor);
  }

  private void requireWritable(GgufTensor tensor, List<PeftRows.Change> ofTensor) {
    boolean pairsOnly = ofTensor.stream().allMatch(PeftRows.Change::isPair);
    boolean writable =
        RowQuantizer.types().contains(tensor.type())
            && (pairsOnly || !RowQuantizer.needsImportance(tensor.type()));
    if (!RowDequantizer.reads(tensor.type()) || !writable) {
      problems.add(
          tensor.name() + " is " + tensor.type() + ", which can't be written; give a base of F16");
    }
  }
}

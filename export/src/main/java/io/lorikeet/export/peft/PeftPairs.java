package io.lorikeet.export.peft;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import java.util.List;
import java.util.Optional;

/// Reads the pairs of a folder that PEFT wrote, and checks them against the base.
///
/// @param problems receives all that is wrong
record PeftPairs(GgufFile base, SafetensorsFile file, PeftConfig config, List<String> problems) {

  String notInBase(PeftTensors.Module module) {
    boolean isHead = module.fullName().endsWith("lm_head");
    return module.fullName()
        + (isHead && base.tensor("output.weight").isEmpty()
            ? " has no tensor of its own in the base: its embeddings are its head too"
            : " is not in the base");
  }

  /// A module's pair, if nothing is wrong with it.
  Optional<PeftJoin.ModulePair> part(PeftPlace place, PeftTensors.Module module) {
    SafetensorsTensor a = module.halves().get("A");
    SafetensorsTensor b = module.halves().get("B");
    if (a == null || b == null) {
      problems.add(module.fullName() + ": lora_" + (a == null ? "A" : "B") + " is missing");
      return Optional.empty();
    }
    if (place.isEmbedding() && base.tensor("output.weight").isEmpty()) {
      problems.add(
          module.fullName()
              + " is the head too in this base, and llama.cpp would apply the pair to both");
      return Optional.empty();
    }
    // Of the embedding the file has rows by token, so its inputs are the tensor's rows.
    long inputs = place.isEmbedding() ? place.rows() : place.columns();
    long outputs = place.isEmbedding() ? place.columns() : place.rows();
    long rank = a.shape().isEmpty() ? 0 : a.shape().getFirst();
    boolean fits = hasShape(a, rank, inputs) & hasShape(b, outputs, rank);
    if (!fits) {
      return Optional.empty();
    }
    int said = config.ranks().of(module.fullName());
    if (rank != said) {
      problems.add(
          "%s has rank %s, but %s says %s"
              .formatted(module.fullName(), rank, PeftConfig.FILE, said));
      return Optional.empty();
    }
    double scaling = config.scaling(module.fullName());
    PeftJoin.ModulePair part =
        new PeftJoin.ModulePair(place, (int) rank, scaling, values(a), values(b));
    return place.isPart() ? part.ofPlace() : Optional.of(part);
  }

  private boolean hasShape(SafetensorsTensor tensor, long rows, long columns) {
    List<Long> expected = List.of(rows, columns);
    if (rows > 0 && tensor.shape().equals(expected)) {
      return true;
    }
    problems.add(
        tensor.name() + " has the shape " + tensor.shape() + ", and should have " + expected);
    return false;
  }

  /// All numbers of a tensor.
  float[] values(SafetensorsTensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.elements())];
    if (!tensor.type().isFloat()) {
      problems.add(tensor.name() + " is " + tensor.type() + ", and should be F32, F16 or BF16");
      return values;
    }
    tensor.type().readFloats(file.data(tensor), 0, values);
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        problems.add(tensor.name() + " holds " + values[i] + ", first as element " + i);
        break;
      }
    }
    return values;
  }
}

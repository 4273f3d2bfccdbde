package io.lorikeet.export.merge;

import io.lorikeet.models.merge.MergePool;
import io.lorikeet.models.merge.MergedMatrix;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.models.merge.Survival;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Measures the part of the update that is left in a merged file, made by any program.
public final class MergeMeasurement {

  private MergeMeasurement() {}

  /// Compares the adapted tensors of base and merged file.
  ///
  /// @param adapters read with this base
  /// @throws InvalidInputException when the merged file lacks tensors or has them in other shapes,
  ///     or says that it was merged from another base
  /// @throws IOException when the base can't be read
  public static List<MergeReport.Merged> of(
      GgufFile base, List<AdapterMerger.Adapter> adapters, GgufFile merged, int threads)
      throws IOException {
    AdapterParts parts = new AdapterParts(adapters);
    requireSameBase(base, merged);
    requireSameShapes(base, merged);
    List<MergeReport.Merged> tensors = new ArrayList<>();
    try (MergePool pool = new MergePool(threads)) {
      for (GgufTensor tensor : base.tensors()) {
        if (parts.adapt(tensor.name())) {
          GgufTensor result = merged.tensor(tensor.name()).orElseThrow();
          MergedMatrix matrix =
              MergedMatrix.adapted(
                  tensor.type(), result.type(), parts.of(tensor.name()), Rounding.NEAREST, null);
          Survival survival = new Survival();
          pool.measure(matrix, base.data(tensor), merged.data(result), survival);
          tensors.add(
              new MergeReport.Merged(tensor.name(), tensor.type(), result.type(), survival));
        }
      }
    }
    return tensors;
  }

  private static void requireSameBase(GgufFile base, GgufFile merged) throws IOException {
    Optional<String> recorded = MergeMetadata.baseHash(merged.metadata());
    if (recorded.isPresent() && !recorded.get().equals(base.hash())) {
      throw new InvalidInputException(
          "%s was merged from another file than %s, as its SHA-256 tells. Give the base it was merged from"
              .formatted(merged.path(), base.path()));
    }
  }

  private static void requireSameShapes(GgufFile base, GgufFile merged) {
    List<String> problems = new ArrayList<>();
    for (GgufTensor tensor : base.tensors()) {
      Optional<GgufTensor> other = merged.tensor(tensor.name());
      if (other.isEmpty()) {
        problems.add(tensor.name() + " is missing");
      } else if (!other.get().shape().equals(tensor.shape())) {
        problems.add(
            tensor.name()
                + " has the shape "
                + other.get().shape()
                + ", in the base "
                + tensor.shape());
      }
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          merged.path() + " was not merged from " + base.path(), problems);
    }
  }
}

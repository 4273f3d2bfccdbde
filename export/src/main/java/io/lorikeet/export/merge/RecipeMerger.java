package io.lorikeet.export.merge;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.ByteProgress;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.ModelQuantizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// Merges into one of llama.cpp's recipes, such as Q4_K_M: into F16 first, which libllama's
/// quantizer then makes the recipe of. The F16 file lies beside the output meanwhile.
public final class RecipeMerger {

  private RecipeMerger() {}

  /// Merges and quantizes.
  ///
  /// @param recipe llama.cpp's name of it
  /// @param settings whose types are left aside
  /// @throws IOException when the disk refuses, or can't hold the F16 file too
  public static MergeReport merge(
      GgufFile base,
      List<AdapterMerger.Adapter> adapters,
      AdapterMerger.MergeSettings settings,
      String recipe,
      Path output,
      ByteProgress progress)
      throws IOException {
    long start = System.nanoTime();
    check(base, adapters, settings, recipe, output);
    AdapterMerger merger = unquantized(base, adapters, settings);
    try (AtomicFile unquantized = AtomicFile.create(output)) {
      MergeReport whole = merger.merge(unquantized.path(), progress);
      ModelQuantizer.quantize(unquantized.path(), output, recipe, settings.threads());
      try (GgufFile merged = GgufFile.open(output)) {
        return new MergeReport(
            MergeMeasurement.of(base, adapters, merged, settings.threads()),
            whole.copied(),
            whole.bytesRead(),
            Files.size(output),
            (System.nanoTime() - start) / 1e9);
      }
    }
  }

  /// Finds out whether the files could be written, as [#merge] does at its beginning.
  ///
  /// @throws IOException when the disk can't hold both
  public static void check(
      GgufFile base,
      List<AdapterMerger.Adapter> adapters,
      AdapterMerger.MergeSettings settings,
      String recipe,
      Path output)
      throws IOException {
    AdapterMerger merger = unquantized(base, adapters, settings);
    merger.requirePossible(output);
    long unquantized = merger.bytesWritten();
    DiskSpace.require(output, unquantized + unquantized * leastBits(recipe) / 16);
  }

  private static AdapterMerger unquantized(
      GgufFile base, List<AdapterMerger.Adapter> adapters, AdapterMerger.MergeSettings settings) {
    return new AdapterMerger(
        base, adapters, settings.withTypes(MergeTypes.unquantized(TensorType.F16)));
  }

  /// Bits that a weight takes at least: the first digit of all recipes' names.
  private static int leastBits(String recipe) {
    return recipe.chars().filter(Character::isDigit).map(c -> c - '0').findFirst().orElse(0);
  }
}

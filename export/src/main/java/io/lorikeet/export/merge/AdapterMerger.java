package io.lorikeet.export.merge;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.QuantizationType;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.merge.MergedMatrix;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.ByteProgress;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// Folds adapters into a base: W + scale · (alpha / rank) · B A for every adapted tensor,
/// everything else as it is. Tensors are streamed from the base's mapping to the new file a piece
/// of rows at a time, so that memory doesn't grow with the model.
public final class AdapterMerger {
  private final GgufFile base;
  private final MergeSettings settings;
  private final List<Adapter> adapters;
  private final AdapterParts parts;

  /// An adapter to merge.
  ///
  /// @param file where it was read from
  /// @param scale factor of all it does, 1 for as it was trained
  public record Adapter(Path file, LoraAdapter adapter, double scale) {}

  /// How to merge.
  ///
  /// @param importance of the columns of a tensor by its name, or null where none is known
  /// @param threads threads to compute with
  public record MergeSettings(
      MergeTypes types, Rounding rounding, Function<String, float[]> importance, int threads) {

    MergeSettings withTypes(MergeTypes others) {
      return new MergeSettings(others, rounding, importance, threads);
    }
  }

  /// @param base the open base
  /// @param adapters read with this base by [AdapterFile#read], at least one
  public AdapterMerger(GgufFile base, List<Adapter> adapters, MergeSettings settings) {
    this.base = base;
    this.settings = settings;
    this.adapters = List.copyOf(adapters);
    parts = new AdapterParts(adapters);
  }

  /// Finds out whether the file could be written, as [#merge] does at its beginning.
  ///
  /// @throws InvalidInputException when the output is one of the inputs, or a type can't be written
  /// @throws IOException when the disk is too small
  public void check(Path output) throws IOException {
    requirePossible(output);
    DiskSpace.require(output, writer(_ -> null).size());
  }

  /// As [#check], but for the room on the disk.
  void requirePossible(Path output) throws IOException {
    requireAlwaysActing();
    OutputPlan plan = new OutputPlan().writes("output", output);
    base.paths().forEach(file -> plan.reads("the base", file));
    adapters.forEach(adapter -> plan.reads("an adapter", adapter.file()));
    plan.check();
    requireWritableTypes();
  }

  private void requireAlwaysActing() {
    for (Adapter adapter : adapters) {
      if (adapter.adapter().invocation().isPresent()) {
        throw new InvalidInputException(
            adapter.file()
                + " acts only from certain tokens on (aLoRA), and merged weights act on all of"
                + " them, so it can't be merged; serve it with llama-server --lora");
      }
    }
  }

  /// Writes the merged file: under a temporary name first, forced to disk, then renamed.
  ///
  /// @throws InvalidInputException when [#check] refuses, or a merged number isn't finite
  /// @throws IOException when the disk refuses or is too small, which is found out before; nothing
  ///     new is left under the name then
  public MergeReport merge(Path output, ByteProgress progress) throws IOException {
    long start = System.nanoTime();
    check(output);
    List<MergeReport.Merged> merged = new ArrayList<>();
    try (MergeWorkers workers = new MergeWorkers(settings.threads(), progress, bytesWritten())) {
      GgufWriter writer = writer(tensor -> source(tensor, workers, merged));
      MergeMetadata.put(writer, base, adapters, settings.rounding());
      writer.write(output);
    }
    base.checkUnchanged();
    int copied = Math.toIntExact(base.tensors().stream().filter(this::isCopied).count());
    long read = base.tensors().stream().mapToLong(GgufTensor::bytes).sum();
    double seconds = (System.nanoTime() - start) / 1e9;
    return new MergeReport(merged, copied, read, bytesWritten(), seconds);
  }

  /// The merged file, but for the keys that tell of the merging.
  ///
  /// @param sources of the tensors' bytes
  private GgufWriter writer(Function<GgufTensor, TensorSource> sources) {
    GgufWriter writer = new GgufWriter().copyMetadata(base.metadata());
    settings
        .types()
        .uniform()
        .ifPresent(type -> writer.putUint32("general.file_type", recipe(type)));
    for (GgufTensor tensor : base.tensors()) {
      long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
      writer.addTensor(tensor.name(), typeOf(tensor), shape, sources.apply(tensor));
    }
    return writer;
  }

  private TensorSource source(
      GgufTensor tensor, MergeWorkers workers, List<MergeReport.Merged> merged) {
    MemorySegment data = base.data(tensor);
    if (isCopied(tensor)) {
      return workers.copy(data);
    }
    return isAdapted(tensor)
        ? workers.merge(tensor, typeOf(tensor), data, () -> adapted(tensor), merged)
        : workers.merge(tensor, typeOf(tensor), data, () -> converted(tensor), null);
  }

  private boolean isCopied(GgufTensor tensor) {
    return !isAdapted(tensor) && typeOf(tensor) == tensor.type();
  }

  private MergedMatrix adapted(GgufTensor tensor) {
    return MergedMatrix.adapted(
        tensor.type(),
        typeOf(tensor),
        parts.of(tensor.name()),
        settings.rounding(),
        settings.importance().apply(tensor.name()));
  }

  private MergedMatrix converted(GgufTensor tensor) {
    int columns = Math.toIntExact(tensor.shape().getFirst());
    int rows = Math.toIntExact(tensor.elements() / columns);
    return MergedMatrix.converted(tensor.type(), typeOf(tensor), rows, columns);
  }

  private boolean isAdapted(GgufTensor tensor) {
    return parts.adapt(tensor.name());
  }

  private TensorType typeOf(GgufTensor tensor) {
    return settings.types().of(tensor, isAdapted(tensor));
  }

  /// Bytes of the merged file's tensors.
  long bytesWritten() {
    return base.tensors().stream()
        .mapToLong(
            tensor -> {
              long columns = tensor.shape().getFirst();
              return typeOf(tensor).rowBytes(columns) * (tensor.elements() / columns);
            })
        .sum();
  }

  /// llama.cpp's number for files of an unquantized type.
  private static int recipe(TensorType type) {
    return QuantizationType.byName(type.name()).map(QuantizationType::id).orElse(0);
  }

  private void requireWritableTypes() {
    List<String> problems = new ArrayList<>();
    for (GgufTensor tensor : base.tensors()) {
      TensorType type = typeOf(tensor);
      if (isCopied(tensor)) {
        continue;
      }
      if (!RowDequantizer.reads(tensor.type())) {
        problems.add(tensor.name() + " is " + tensor.type() + ", which doesn't stand for numbers");
      } else if (!RowQuantizer.types().contains(type) && !RowQuantizer.needsImportance(type)) {
        problems.add(tensor.name() + " is " + type + ", which ggml can't write");
      }
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          base.path() + " has tensors that can't be merged; give --type F16", problems);
    }
  }
}

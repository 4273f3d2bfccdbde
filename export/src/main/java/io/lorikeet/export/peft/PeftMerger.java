package io.lorikeet.export.peft;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.export.merge.DiskSpace;
import io.lorikeet.export.merge.MergeMetadata;
import io.lorikeet.models.merge.MergePool;
import io.lorikeet.models.merge.MergedMatrix;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.ByteProgress;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Merges a folder that PEFT wrote into its base: the pairs, and what no adapter in GGUF can hold,
/// magnitudes (DoRA) and whole weights (`modules_to_save`). Every tensor keeps its type. Tensors
/// are streamed a piece of rows at a time.
///
/// Weights that only a pair changes are rounded as by [Rounding#DITHERED]; others, whose rows
/// change altogether, as ggml quantizes.
public final class PeftMerger {
  private static final int PIECE_ROWS = 256;

  private final GgufFile base;
  private final SafetensorsFile file;
  private final Map<GgufTensor, List<PeftRows.Change>> changes;
  private final MergePool pool;
  private final ByteProgress progress;
  private final long total;
  private long done;

  private PeftMerger(
      GgufFile base,
      SafetensorsFile file,
      Map<GgufTensor, List<PeftRows.Change>> changes,
      MergePool pool,
      ByteProgress progress) {
    this.base = base;
    this.file = file;
    this.changes = changes;
    this.pool = pool;
    this.progress = progress;
    total = base.tensors().stream().mapToLong(GgufTensor::bytes).sum();
  }

  /// Counts of the merged parts.
  ///
  /// @param pairs modules with B A
  /// @param magnitudes of these, those with magnitudes
  /// @param whole modules whose weights were replaced
  /// @param copied tensors that stayed as they were
  public record PeftMergeReport(long pairs, long magnitudes, long whole, int copied) {}

  /// Writes the merged file: under a temporary name first, forced to disk, then renamed.
  ///
  /// @param folder a folder that `save_pretrained` wrote
  /// @param base the base it is for, converted from the model that PEFT adapted
  /// @throws InvalidInputException when the folder isn't complete, doesn't fit the base, or has
  ///     parts that can't be merged, all of them named; when a merged number isn't finite
  /// @throws IOException when the disk refuses or is too small
  public static PeftMergeReport merge(
      Path folder, GgufFile base, Path output, int threads, ByteProgress progress)
      throws IOException {
    new OutputPlan()
        .reads("the folder", folder)
        .reads("the base", base.path())
        .writes("output", output)
        .check();
    PeftConfig config = PeftConfig.read(folder);
    try (SafetensorsFile file = PeftImporter.openWeights(folder);
        MergePool pool = new MergePool(threads)) {
      Map<GgufTensor, List<PeftRows.Change>> changes =
          new PeftChanges(base, file, config).read(folder);
      new PeftMerger(base, file, changes, pool, progress).write(folder, output);
      List<PeftRows.Change> all = changes.values().stream().flatMap(List::stream).toList();
      return new PeftMergeReport(
          all.stream().filter(change -> change.part().isPresent()).count(),
          all.stream().filter(change -> change.magnitudes().isPresent()).count(),
          all.stream().filter(change -> change.whole().isPresent()).count(),
          base.tensors().size() - changes.size());
    }
  }

  /// Checks a folder as [#merge] does before it writes.
  static void check(Path folder, GgufFile base) throws IOException {
    PeftConfig config = PeftConfig.read(folder);
    try (SafetensorsFile file = PeftImporter.openWeights(folder)) {
      new PeftChanges(base, file, config).read(folder);
    }
  }

  private void write(Path folder, Path output) throws IOException {
    GgufWriter writer = new GgufWriter().copyMetadata(base.metadata());
    MergeMetadata.putFolder(writer, base, folder);
    for (GgufTensor tensor : base.tensors()) {
      long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
      List<PeftRows.Change> ofTensor = changes.getOrDefault(tensor, List.of());
      writer.addTensor(
          tensor.name(), tensor.type(), shape, channel -> write(channel, tensor, ofTensor));
    }
    DiskSpace.require(output, writer.size());
    writer.write(output);
    base.checkUnchanged();
  }

  private void write(WritableByteChannel channel, GgufTensor tensor, List<PeftRows.Change> ofTensor)
      throws IOException {
    MemorySegment data = base.data(tensor);
    int rows = Math.toIntExact(tensor.elements() / tensor.shape().getFirst());
    long rowBytes = data.byteSize() / rows;
    RowsOfTensor computing = computing(tensor, ofTensor);
    int pieceRows = Math.max(PIECE_ROWS, pool.leastRows());
    try (Arena arena = Arena.ofShared()) {
      MemorySegment merged = arena.allocate(Math.min(rows, pieceRows) * rowBytes, 64);
      for (int first = 0; first < rows; first += pieceRows) {
        int count = Math.min(pieceRows, rows - first);
        MemorySegment from = data.asSlice(first * rowBytes, count * rowBytes);
        MemorySegment out = merged.asSlice(0, count * rowBytes);
        out.copyFrom(from);
        computing.compute(first, from, out);
        TensorSource.of(out).writeTo(channel);
        done += out.byteSize();
        progress.at(done, total);
      }
    }
    data.unload();
  }

  @FunctionalInterface
  private interface RowsOfTensor {
    /// @param out holds the base's rows already
    void compute(int firstRow, MemorySegment base, MemorySegment out);
  }

  private RowsOfTensor computing(GgufTensor tensor, List<PeftRows.Change> ofTensor) {
    if (ofTensor.isEmpty()) {
      return (_, _, _) -> {};
    }
    if (ofTensor.stream().allMatch(PeftRows.Change::isPair)) {
      PeftJoin.Joined joined =
          PeftJoin.join(
              tensor, ofTensor.stream().map(change -> change.part().orElseThrow()).toList());
      float factor = (float) (joined.alpha() / joined.pair().rank());
      MergedMatrix matrix =
          MergedMatrix.adapted(
              tensor.type(),
              tensor.type(),
              List.of(new MergedMatrix.ScaledPair(joined.pair(), factor)),
              Rounding.DITHERED,
              null);
      return (first, from, out) -> {
        pool.merge(matrix, first, from, out, null);
        requireFinite(tensor, RowDequantizer.floats(tensor.type(), out));
      };
    }
    PeftRows rows = new PeftRows(file, tensor, ofTensor);
    return (first, from, out) -> compute(tensor, rows, first, from, out);
  }

  private static void compute(
      GgufTensor tensor, PeftRows rows, int first, MemorySegment from, MemorySegment out) {
    TensorType type = tensor.type();
    int columns = Math.toIntExact(tensor.shape().getFirst());
    long rowBytes = type.rowBytes(columns);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate((long) columns * Float.BYTES, 64);
      for (long at = 0; at < from.byteSize(); at += rowBytes) {
        int row = first + (int) (at / rowBytes);
        if (rows.changes(row)) {
          float[] weights = RowDequantizer.floats(type, from.asSlice(at, rowBytes));
          rows.change(row, weights);
          MemorySegment.copy(weights, 0, floats, ValueLayout.JAVA_FLOAT, 0, columns);
          MemorySegment target = out.asSlice(at, rowBytes);
          RowQuantizer.quantize(type, floats, columns, target);
          requireFinite(tensor, weights);
          requireFinite(tensor, RowDequantizer.floats(type, target));
        }
      }
    }
  }

  private static void requireFinite(GgufTensor tensor, float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw new InvalidInputException(
            "%s merged holds numbers that aren't finite in %s: the base or the folder has such, or they are too large for the type"
                .formatted(tensor.name(), tensor.type()));
      }
    }
  }
}

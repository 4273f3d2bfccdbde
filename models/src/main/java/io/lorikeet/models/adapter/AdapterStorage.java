package io.lorikeet.models.adapter;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraMatrix;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/// How the numbers of an adapter's file are stored. llama.cpp loads all of these and multiplies
/// with them as they are.
public enum AdapterStorage {
  /// As they were trained.
  F32(TensorType.F32),
  /// Half the size, 11 bits of precision, up to 65504.
  F16(TensorType.F16),
  /// Half the size, 8 bits of precision, any size of number.
  BF16(TensorType.BF16),
  /// About a quarter of the size. Rows whose length 32 doesn't divide, such as those of B at most
  /// ranks, can't be: those matrices are F16, as in llama.cpp's own `convert_lora_to_gguf.py`.
  Q8_0(TensorType.Q8_0);

  private final TensorType type;

  AdapterStorage(TensorType type) {
    this.type = type;
  }

  /// How an open adapter's numbers are stored: as most of its matrices, by their type.
  public static AdapterStorage of(GgufFile adapter) {
    boolean quantized =
        adapter.tensors().stream().anyMatch(tensor -> tensor.type() == TensorType.Q8_0);
    TensorType first = adapter.tensors().getFirst().type();
    for (AdapterStorage storage : values()) {
      if (storage.type == (quantized ? TensorType.Q8_0 : first)
          && (quantized || adapter.tensors().stream().allMatch(tensor -> tensor.type() == first))) {
        return storage;
      }
    }
    return F32;
  }

  /// The type of a matrix whose rows have this many elements.
  TensorType typeOf(long rowLength) {
    return rowLength % type.blockSize() == 0 ? type : TensorType.F16;
  }

  /// A matrix's bytes in the file.
  ///
  /// @param rowLength elements of a row, which the values are a multiple of
  public byte[] encode(float[] values, int rowLength) {
    TensorType stored = typeOf(rowLength);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
      MemorySegment bytes = arena.allocate(stored.rowBytes(values.length), Float.BYTES);
      RowQuantizer.quantize(stored, floats, rowLength, bytes);
      return bytes.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /// The adapter with its numbers rounded as this stores them.
  ///
  /// @throws InvalidInputException naming all matrices with numbers too large for it
  LoraAdapter round(LoraAdapter adapter) {
    if (this == F32) {
      return adapter;
    }
    List<String> problems = new ArrayList<>();
    List<LoraPair> rounded =
        adapter.pairs().stream().map(pair -> pair.with(m -> round(m, problems))).toList();
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          "the adapter can't be stored as " + this + "; BF16 or F32 take such numbers", problems);
    }
    return new LoraAdapter(adapter.architecture(), adapter.alpha(), rounded, adapter.invocation());
  }

  private float[] round(LoraMatrix matrix, List<String> problems) {
    try (Arena arena = Arena.ofConfined()) {
      byte[] encoded = encode(matrix.values(), matrix.rowLength());
      MemorySegment bytes = arena.allocate(encoded.length, Float.BYTES);
      MemorySegment.copy(encoded, 0, bytes, ValueLayout.JAVA_BYTE, 0, encoded.length);
      float[] rounded = RowDequantizer.floats(typeOf(matrix.rowLength()), bytes);
      for (int i = 0; i < rounded.length; i++) {
        if (!Float.isFinite(rounded[i])) {
          problems.add(matrix.name() + " holds " + matrix.values()[i]);
          break;
        }
      }
      return rounded;
    }
  }
}

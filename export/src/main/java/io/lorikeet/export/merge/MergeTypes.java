package io.lorikeet.export.merge;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufTensor;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// The types of a merged file's tensors.
///
/// @param uniform the type of all quantized and all adapted tensors; empty to keep each one's type
/// @param exceptions types of single tensors by name
public record MergeTypes(Optional<TensorType> uniform, Map<String, TensorType> exceptions) {
  /// Each tensor keeps its type.
  public static final MergeTypes KEEP = new MergeTypes(Optional.empty(), Map.of());

  public MergeTypes {
    exceptions = Map.copyOf(exceptions);
  }

  /// All quantized and all adapted tensors become `type`, which isn't a quantized one.
  public static MergeTypes unquantized(TensorType type) {
    return new MergeTypes(Optional.of(type), Map.of());
  }

  /// As [#unquantized(TensorType)], with the name of such a type in any case: F32, F16 or BF16.
  ///
  /// @return empty for any other name
  public static Optional<MergeTypes> unquantized(String name) {
    return Stream.of(TensorType.F32, TensorType.F16, TensorType.BF16)
        .filter(type -> type.name().equalsIgnoreCase(name))
        .findFirst()
        .map(MergeTypes::unquantized);
  }

  /// Each tensor keeps its type but for those named.
  public static MergeTypes keepBut(Map<String, TensorType> exceptions) {
    return new MergeTypes(Optional.empty(), exceptions);
  }

  TensorType of(GgufTensor tensor, boolean adapted) {
    TensorType exception = exceptions.get(tensor.name());
    if (exception != null) {
      return exception;
    }
    return tensor.type().isQuantized() || adapted ? uniform.orElse(tensor.type()) : tensor.type();
  }
}

package io.lorikeet.models.adapter;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.text.VocabularyHash;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.io.IOException;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The base that an adapter belongs to. An adapter fits no other file, not even another
/// quantization of the same model: it was not trained with the rounding errors of that file.
///
/// @param hash SHA-256 of the base's file or files, hexadecimal, as [GgufFile#hash]
/// @param name its `general.name`, or its file name where it has none
/// @param quantization the type that most of its weights have, such as `Q4_0`
/// @param tokenizerHash SHA-256 of its vocabulary, hexadecimal: bases with equal ones give equal
///     tokens for equal text
/// @param papers its licence and origin, by the GGUF keys that adapters have for them, such as
///     `general.license`
public record BaseIdentity(
    String hash,
    String name,
    String quantization,
    String tokenizerHash,
    Map<String, String> papers) {
  public BaseIdentity {
    papers = Collections.unmodifiableMap(new LinkedHashMap<>(papers));
  }

  /// Identifies an open base. Reads the whole file where [GgufFile#hash] hasn't yet.
  ///
  /// @throws IOException when it can't be read
  public static BaseIdentity of(GgufFile base) throws IOException {
    String name =
        base.metadata().string(AdapterKeys.NAME).orElse(base.path().getFileName().toString());
    return new BaseIdentity(
        base.hash(),
        name,
        quantization(base.tensors()),
        VocabularyHash.of(base.metadata()),
        BasePapers.ofBase(base.metadata()));
  }

  private static String quantization(List<GgufTensor> tensors) {
    Map<TensorType, Long> elements = new EnumMap<>(TensorType.class);
    tensors.forEach(tensor -> elements.merge(tensor.type(), tensor.elements(), Long::sum));
    return elements.entrySet().stream()
        .max(Comparator.comparingLong(Map.Entry::getValue))
        .map(entry -> entry.getKey().name())
        .orElse("none");
  }
}

package io.lorikeet.export;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufValue;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/// Which base an adapter belongs to. An adapter fits no other file: not even another quantization
/// of the same model, whose errors it was not trained to live with.
///
/// @param hash SHA-256 of the base's file or files, hexadecimal, as [GgufFile#hash]
/// @param name its `general.name`, or its file name where it has none
/// @param quantization the type that most of its weights have, such as `Q4_0`
/// @param tokenizerHash SHA-256 of its vocabulary, hexadecimal: bases with equal ones give equal
///     tokens for equal text
public record BaseIdentity(String hash, String name, String quantization, String tokenizerHash) {
  private static final String TOKENIZER_PREFIX = "tokenizer.ggml.";

  /// Identifies an open base. Reads the whole file where [GgufFile#hash] hasn't yet.
  ///
  /// @throws IOException when it can't be read
  public static BaseIdentity of(GgufFile base) throws IOException {
    String name =
        base.metadata().string(AdapterKeys.NAME).orElse(base.path().getFileName().toString());
    return new BaseIdentity(
        base.hash(), name, quantization(base.tensors()), tokenizerHash(base.metadata()));
  }

  private static String quantization(List<GgufTensor> tensors) {
    Map<TensorType, Long> elements = new EnumMap<>(TensorType.class);
    tensors.forEach(tensor -> elements.merge(tensor.type(), tensor.elements(), Long::sum));
    return elements.entrySet().stream()
        .max(Comparator.comparingLong(Map.Entry::getValue))
        .map(entry -> entry.getKey().name())
        .orElse("none");
  }

  private static String tokenizerHash(GgufMetadata metadata) {
    MessageDigest digest = sha256();
    metadata.keys().stream()
        .filter(key -> key.startsWith(TOKENIZER_PREFIX))
        .sorted()
        .forEach(
            key -> {
              update(digest, key);
              update(digest, metadata.value(key).orElseThrow());
            });
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void update(MessageDigest digest, GgufValue value) {
    switch (value) {
      case GgufValue.Array array -> digest.update(array.encoded().asByteBuffer());
      case GgufValue.Text text -> update(digest, text.value());
      case GgufValue.Int number -> update(digest, Long.toString(number.value()));
      case GgufValue.Real number -> update(digest, Double.toString(number.value()));
      case GgufValue.Bool flag -> update(digest, Boolean.toString(flag.value()));
    }
  }

  private static void update(MessageDigest digest, String text) {
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) 0);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}

package io.lorikeet.models.text;

import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufValue;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// Names a vocabulary: SHA-256 over the keys `tokenizer.ggml.*` in alphabetical order (tokens,
/// scores, types, merges, special tokens and flags), each with its value. A chat template is none
/// of them: it works on text.
public final class VocabularyHash {
  private static final String PREFIX = "tokenizer.ggml.";

  private final MessageDigest digest;

  private VocabularyHash(MessageDigest digest) {
    this.digest = digest;
  }

  /// The hash as 64 hexadecimal digits. Quantizing a model keeps it.
  public static String of(GgufMetadata metadata) {
    VocabularyHash hash;
    try {
      hash = new VocabularyHash(MessageDigest.getInstance("SHA-256"));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
    metadata.keys().stream()
        .filter(key -> key.startsWith(PREFIX))
        .sorted()
        .forEach(
            key -> {
              hash.add(key);
              hash.add(metadata.value(key).orElseThrow());
            });
    return HexFormat.of().formatHex(hash.digest.digest());
  }

  private void add(GgufValue value) {
    add(value.type().name());
    switch (value) {
      case GgufValue.Int number -> add(number.value());
      case GgufValue.Real number -> add(Double.doubleToLongBits(number.value()));
      case GgufValue.Bool flag -> add(flag.value() ? 1 : 0);
      case GgufValue.TextValue text -> add(text.value());
      case GgufValue.Array array -> {
        add(array.elementType().name());
        add(array.count());
        digest.update(array.encoded().asByteBuffer());
      }
    }
  }

  private void add(long number) {
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(number).flip());
  }

  private void add(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    add(bytes.length); // so that where one text ends and the next begins counts too
    digest.update(bytes);
  }
}

package io.lorikeet.models.adapter;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;

/// SHA-256 over all that an adapter does, its scale, its weights and where they belong, its
/// invocation, whatever the order of the pairs. It tells an adapter that lost a pair or changed its
/// scale from the one that was trained.
final class AdapterDigest {

  private AdapterDigest() {}

  /// The digest as 64 hexadecimal digits.
  static String of(LoraAdapter adapter) {
    MessageDigest digest = sha256();
    digest.update(littleEndian(adapter.alpha()));
    List<LoraPair> sorted =
        adapter.pairs().stream().sorted(Comparator.comparing(LoraPair::baseTensor)).toList();
    for (LoraPair pair : sorted) {
      digest.update(pair.baseTensor().getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
      pair.matrices().forEach(matrix -> digest.update(littleEndian(matrix.values())));
    }
    adapter
        .invocation()
        .ifPresent(
            invocation ->
                digest.update(invocation.tokens().toString().getBytes(StandardCharsets.UTF_8)));
    return HexFormat.of().formatHex(digest.digest());
  }

  private static ByteBuffer littleEndian(float... values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}

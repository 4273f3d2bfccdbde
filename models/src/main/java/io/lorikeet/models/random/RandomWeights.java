package io.lorikeet.models.random;

import io.lorikeet.bindings.TensorType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.CRC32;

/// How the random values of a tensor of any family are distributed, by the tensor's name: so that
/// hidden states stay of one size through many layers, and states decay at all speeds.
final class RandomWeights {
  private RandomWeights() {}

  /// The values of one tensor. They depend on the seed and the tensor's name alone: models that
  /// differ in one thing share the rest.
  ///
  /// @param architecture `general.architecture`
  /// @param tied whether the head is the token embedding
  /// @param type the type to write
  /// @param shape ne0 first
  static RandomTensor of(
      String architecture,
      boolean tied,
      TensorType type,
      String name,
      List<Long> shape,
      long seed) {
    int inputs = Math.toIntExact(shape.getFirst());
    long rows = shape.stream().skip(1).reduce(1L, Math::multiplyExact);
    double mean = name.contains("norm") || name.contains("scale") ? 1 : 0;
    double deviation = 1 / Math.sqrt(inputs);
    if (name.endsWith("ssm_a")) {
      // Decays of all sizes from e^-0.03 to nearly nothing: softplus of about 0 is 0.7.
      mean = -1;
      deviation = 0.3;
    } else if (mean == 1) {
      // Gemma 3n's layers add little: through 22 of them differences of rounding would grow.
      mean = architecture.equals("gemma3n") && name.contains("post_") ? 0.3 : 1;
      deviation = 0.1;
    } else if (name.endsWith(".bias")) {
      deviation = 0.2;
    } else if (name.contains("sinks") || name.equals("token_embd.weight") && !tied) {
      deviation = 1;
    } else if (name.contains("ffn_gate_inp")) {
      // Far from each other, so that the choice of experts doesn't hang on rounding.
      deviation *= 4;
    }
    return new RandomTensor(
        type, inputs, Math.toIntExact(rows), mean, deviation, seedOf(name, seed));
  }

  static long seedOf(String name, long seed) {
    CRC32 crc = new CRC32();
    crc.update(name.getBytes(StandardCharsets.UTF_8));
    return seed * 0x9E3779B97F4A7C15L + crc.getValue();
  }
}

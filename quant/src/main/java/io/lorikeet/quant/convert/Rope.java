package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/// The rotation of queries and keys as a configuration describes it: `rope_parameters` since
/// version 5 of the transformers library, `rope_scaling` and keys beside it before.
///
/// @param base the frequency base of layers that see everything
/// @param slidingBase the one of sliding-window layers, where it differs
/// @param type the kind of scaling in lower case, `default` without any
/// @param scaling the numbers of the scaling
record Rope(double base, OptionalDouble slidingBase, String type, Config scaling) {
  static Rope of(Config config, double defaultBase) {
    Config all = config.part(config.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
    Config full = all.has("full_attention") ? all.part("full_attention") : all;
    OptionalDouble sliding = all.part("sliding_attention").real("rope_theta");
    if (sliding.isEmpty()) {
      sliding = config.real("rope_local_base_freq", "local_rope_theta");
    }
    OptionalDouble base = full.real("rope_theta");
    if (base.isEmpty()) {
      base = config.real("rope_theta", "rotary_emb_base");
    }
    String type = full.text("rope_type", "type").orElse("default");
    return new Rope(base.orElse(defaultBase), sliding, type.toLowerCase(Locale.ROOT), full);
  }

  /// Context length before the scaling.
  Optional<Long> originalContext(Config config) {
    return Optional.of(scaling)
        .filter(part -> part.has("original_max_position_embeddings"))
        .or(() -> Optional.of(config))
        .filter(part -> part.has("original_max_position_embeddings"))
        .map(part -> part.requireInteger("original_max_position_embeddings"));
  }

  /// Share of each head that is rotated.
  double rotatedShare(Config config, double share) {
    return scaling
        .real("partial_rotary_factor")
        .orElse(config.real("partial_rotary_factor", "rope_pct").orElse(share));
  }

  /// The pairs of a head for each of four dimensions of a position (`mrope_section`).
  ///
  /// @param usual where the configuration has none
  int[] sections(int headLength, int[] usual) {
    List<JsonNode> stored = scaling.list("mrope_section").orElse(List.of());
    int[] sections =
        stored.isEmpty()
            ? usual
            : Arrays.copyOf(stored.stream().mapToInt(JsonNode::asInt).toArray(), usual.length);
    if (Arrays.stream(sections).anyMatch(section -> section < 0)
        || Arrays.stream(sections).sum() > headLength
        || Arrays.stream(sections).sum() == 0) {
      throw scaling.invalid(
          "'mrope_section' is %s, which doesn't fit heads of %s"
              .formatted(Arrays.toString(sections), headLength));
    }
    return sections;
  }

  /// Sets the keys of all families: base and scaling. The factors of `llama3` and `longrope` are in
  /// tensors.
  void put(GgufWriter writer, String architecture) {
    String prefix = architecture + ".rope.";
    switch (type) {
      case "linear" -> {
        writer.putString(prefix + "scaling.type", "linear");
        writer.putFloat32(prefix + "scaling.factor", (float) scaling.requireReal("factor"));
      }
      case "yarn" -> putYarn(writer, prefix + "scaling.");
      case "longrope", "su" -> writer.putString(prefix + "scaling.type", "longrope");
      case "llama3", "default", "none", "mrope" -> {}
      default ->
          throw scaling.invalid(
              "the rotation is scaled by '%s'; known are linear, yarn, longrope and llama3"
                  .formatted(type));
    }
    writer.putFloat32(prefix + "freq_base", (float) base);
    slidingBase.ifPresent(value -> writer.putFloat32(prefix + "freq_base_swa", (float) value));
  }

  private void putYarn(GgufWriter writer, String prefix) {
    writer.putString(prefix + "type", "yarn");
    writer.putFloat32(prefix + "factor", (float) scaling.requireReal("factor"));
    writer.putUint32(
        prefix + "original_context_length",
        scaling.requireInteger("original_max_position_embeddings"));
    put(writer, prefix + "yarn_ext_factor", scaling.real("extrapolation_factor"));
    put(writer, prefix + "yarn_attn_factor", scaling.real("attention_factor", "attn_factor"));
    put(writer, prefix + "yarn_beta_fast", scaling.real("beta_fast"));
    put(writer, prefix + "yarn_beta_slow", scaling.real("beta_slow"));
  }

  private static void put(GgufWriter writer, String key, OptionalDouble value) {
    value.ifPresent(number -> writer.putFloat32(key, (float) number));
  }
}

package io.lorikeet.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.export.Verification;
import io.lorikeet.finetune.GradientProof;
import io.lorikeet.finetune.serving.ServerProof;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// Results of commands as JSON, for programs.
final class JsonText {
  private JsonText() {}

  /// Any maps, lists, texts and numbers, over several lines.
  static String of(Object values) {
    try {
      return JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build()
          .writeValueAsString(values);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("these are no plain values", e);
    }
  }

  static String of(Verification verification) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("verdict", verification.verdict().name().toLowerCase(Locale.ROOT));
    json.put("positions", verification.effect().positions());
    json.put("effect_divergence", verification.effect().divergence());
    json.put("difference_share", verification.differenceShare());
    json.put("rounding_share", verification.roundingShare());
    verification.rounding().ifPresent(lost -> json.put("storage_loss", lost));
    verification
        .embeddings()
        .ifPresent(agreement -> json.put("least_cosine", agreement.leastCosine()));
    return of(json);
  }

  static String of(ServerProof proof) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("passed", proof.passes());
    json.put("findings", proof.findings());
    return of(json);
  }

  static String of(GradientProof proof) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("passed", proof.passes());
    json.put("device", proof.device());
    json.put("targets", proof.targets());
    json.put("loss", proof.loss());
    json.put("right_loss", proof.rightLoss());
    json.put("limit", proof.limit());
    json.put(
        "weights",
        proof.pairs().stream()
            .map(pair -> Map.of("weight", pair.baseTensor(), "a", pair.a(), "b", pair.b()))
            .toList());
    return of(json);
  }
}

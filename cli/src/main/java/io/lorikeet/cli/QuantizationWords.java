package io.lorikeet.cli;

import io.lorikeet.export.QuantizationLoss;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.QuantizationError;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The results of `quantize` about a model, in words and for programs.
final class QuantizationWords {
  private QuantizationWords() {}

  /// The tensors that a model would have, and all of them together.
  static List<String> plan(List<GgufTensor> tensors) {
    List<String> lines = new ArrayList<>();
    long bytes = 0;
    long elements = 0;
    for (GgufTensor tensor : tensors) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%-36s %-8s %12s",
              tensor.name(),
              tensor.ggmlTypeName(),
              Words.bytes(tensor.bytes())));
      bytes += tensor.bytes();
      elements += tensor.elements();
    }
    lines.add(
        String.format(
            Locale.ROOT,
            "%s tensors of %s, %.2f bits per weight; nothing is written",
            tensors.size(),
            Words.bytes(bytes),
            8.0 * bytes / elements));
    return lines;
  }

  /// The type and size of each tensor, and the size of all, for programs.
  static Map<String, Object> json(List<GgufTensor> tensors) {
    List<Map<String, Object>> each = new ArrayList<>();
    for (GgufTensor tensor : tensors) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("name", tensor.name());
      values.put("type", tensor.ggmlTypeName());
      values.put("bytes", tensor.bytes());
      each.add(values);
    }
    long bytes = tensors.stream().mapToLong(GgufTensor::bytes).sum();
    return Map.of("bytes", bytes, "tensors", each);
  }

  /// A line for each tensor that has changed.
  static List<String> errors(List<QuantizationError> errors) {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(Locale.ROOT, "%-36s %-8s %12s %10s", "tensor", "type", "RMSE", "relative"));
    for (QuantizationError error : errors) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%-36s %-8s %12.4g %8.3f %%",
              error.name(),
              error.ggmlTypeName(),
              error.rootMeanSquare(),
              100 * error.relative()));
    }
    return lines;
  }

  /// A tensor that has changed, for programs.
  static Map<String, Object> json(QuantizationError error) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("name", error.name());
    values.put("type", error.ggmlTypeName());
    values.put("rmse", error.rootMeanSquare());
    values.put("relative", error.relative());
    return values;
  }

  static String loss(QuantizationLoss loss) {
    return String.format(
        Locale.ROOT,
        "perplexity %s, of the source %s; KL divergence %.3g nats, the same first token %.2f %%"
            + " (%s tokens)",
        Words.perplexity(loss.loss(), 4),
        Words.perplexity(loss.sourceLoss(), 4),
        loss.difference().divergence(),
        100 * loss.difference().agreement(),
        Words.count(loss.tokens()));
  }

  /// The same for programs; losses are in nats per token.
  static Map<String, Object> json(QuantizationLoss loss) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("loss", loss.loss());
    values.put("source_loss", loss.sourceLoss());
    values.put("divergence", loss.difference().divergence());
    values.put("agreement", loss.difference().agreement());
    values.put("tokens", loss.tokens());
    return values;
  }
}

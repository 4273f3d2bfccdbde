package io.lorikeet.cli;

import io.lorikeet.export.QuantizationLoss;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.QuantizationError;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The texts of `quantize` about a model.
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
}

package io.lorikeet.quant.convert;

/// Qwen 2 and 3, dense: what all families share, and nothing permuted (`conversion/qwen.py`).
final class QwenFamily extends ConvertedFamily {
  QwenFamily(String architecture, ModelFolder folder) {
    super(architecture, folder);
  }
}

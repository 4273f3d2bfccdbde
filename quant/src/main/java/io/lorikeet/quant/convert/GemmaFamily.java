package io.lorikeet.quant.convert;

import java.io.IOException;

/// The common traits of Gemma 2 to 4: norms after each part as well as before it, and vocabularies
/// that put no space before a text.
abstract class GemmaFamily extends ConvertedFamily {
  GemmaFamily(String architecture, ModelFolder folder) {
    super(architecture, folder);
  }

  /// The norms of Gemma 2 and 3 are stored without the one that is added to them.
  static WeightRows withOneMore(String name, WeightRows rows) {
    return name.endsWith("norm.weight") ? rows.plus(1) : rows;
  }

  @Override
  Vocabulary vocabulary() throws IOException {
    return super.vocabulary().withSpacePrefix(false);
  }
}

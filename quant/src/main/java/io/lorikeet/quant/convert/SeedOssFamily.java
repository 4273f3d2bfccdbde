package io.lorikeet.quant.convert;

import java.util.Map;

/// Seed-OSS: what all families share; the norm before the feed-forward part has another name
/// (`conversion/olmo.py`).
final class SeedOssFamily extends ConvertedFamily {
  SeedOssFamily(ModelFolder folder) {
    super("seed_oss", folder);
  }

  @Override
  Map<String, String> layerNames() {
    return Map.of("post_attention_layernorm", "post_attention_norm");
  }
}

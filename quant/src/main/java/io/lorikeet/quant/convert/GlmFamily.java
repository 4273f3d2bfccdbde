package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.util.Optional;

/// GLM-4-0414: gate and up in one matrix, norms after each part, half of each head rotated
/// (`conversion/glm.py`).
final class GlmFamily extends ConvertedFamily {
  GlmFamily(ModelFolder folder) {
    super("glm4", folder);
  }

  @Override
  Optional<String> preTokenizerName() {
    return Optional.of("glm4");
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    if (rope().scaling().has("mrope_section")) {
      throw config().invalid("GLM-4 models that see aren't supported by convert");
    }
    double share = rope().rotatedShare(config(), 0.5);
    writer.putUint32(key("rope.dimension_count"), (int) (headLength() * share));
  }

  @Override
  void putSpecialTokens(SpecialTokens special, Vocabulary vocabulary, GgufWriter writer)
      throws IOException {
    special.setIfAbsent("eos", vocabulary.tokens().indexOf("<|endoftext|>"));
    special.setIfAbsent("eot", vocabulary.tokens().indexOf("<|user|>"));
    special.setIfAbsent("unk", vocabulary.tokens().indexOf("<|endoftext|>"));
    special.setIfAbsent("bos", vocabulary.tokens().indexOf("<|endoftext|>"));
    super.putSpecialTokens(special, vocabulary, writer);
  }
}

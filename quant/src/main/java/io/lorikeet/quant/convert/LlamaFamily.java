package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.util.List;

/// Llama and models built like it: Mistral, Mixtral, SmolLM3 (`conversion/llama.py`).
class LlamaFamily extends ConvertedFamily {
  private static final int CODE_LLAMA_VOCABULARY = 32_016;
  private static final int GRANITE_VOCABULARY = 49_152;

  LlamaFamily(String architecture, ModelFolder folder) {
    super(architecture, folder);
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    writer.putUint32(key("vocab_size"), config().requireSize("vocab_size"));
    writer.putUint32(key("rope.dimension_count"), headLength());
  }

  @Override
  List<OutputTensor> extraTensors(GgufWriter writer) {
    return llama3Tensors(rope(), headLength());
  }

  /// The frequencies' factors where they are scaled as Llama 3's.
  static List<OutputTensor> llama3Tensors(Rope rope, int headLength) {
    return rope.type().equals("llama3")
        ? List.of(
            new OutputTensor.NumberTensor(
                "rope_freqs.weight",
                WeightRows.of("rope_parameters", llama3Factors(rope, headLength))))
        : List.of();
  }

  /// By what each frequency is divided: not at all where the wave is short, by the whole factor
  /// where it is long, in between smoothly. In float32 throughout, as llama.cpp's converter, so
  /// that the numbers are the same.
  static float[] llama3Factors(Rope rope, int headLength) {
    Config scaling = rope.scaling();
    float factor = (float) scaling.real("factor").orElse(8);
    float low = (float) scaling.real("low_freq_factor").orElse(1);
    float high = (float) scaling.real("high_freq_factor").orElse(4);
    float context = (float) scaling.real("original_max_position_embeddings").orElse(8192);
    float[] factors = new float[headLength / 2];
    for (int i = 0; i < factors.length; i++) {
      float frequency = 1 / (float) Math.pow((float) rope.base(), 2f * i / headLength);
      float wave = (float) (2 * Math.PI) / frequency;
      float smooth = (context / wave - low) / (high - low);
      if (wave < context / high) {
        factors[i] = 1;
      } else if (wave > context / low) {
        factors[i] = factor;
      } else {
        factors[i] = 1 / ((1 - smooth) / factor + smooth);
      }
    }
    return factors;
  }

  @Override
  Vocabulary vocabulary() throws IOException {
    return withConfiguredPrefix(super.vocabulary(), folder());
  }

  /// With `add_prefix_space` as `tokenizer_config.json` has it.
  static Vocabulary withConfiguredPrefix(Vocabulary vocabulary, ModelFolder folder) {
    return folder
        .tokenizerConfig()
        .filter(config -> config.has("add_prefix_space"))
        .map(config -> vocabulary.withSpacePrefix(config.flag("add_prefix_space")))
        .orElse(vocabulary);
  }

  @Override
  void putSpecialTokens(SpecialTokens special, Vocabulary vocabulary, GgufWriter writer)
      throws IOException {
    super.putSpecialTokens(special, vocabulary, writer);
    if (vocabulary.size() == CODE_LLAMA_VOCABULARY) {
      writer.putUint32("tokenizer.ggml.prefix_token_id", 32_007);
      writer.putUint32("tokenizer.ggml.suffix_token_id", 32_008);
      writer.putUint32("tokenizer.ggml.middle_token_id", 32_009);
      writer.putUint32("tokenizer.ggml.eot_token_id", 32_010);
    } else if (vocabulary.size() == GRANITE_VOCABULARY) {
      writer.putBool("tokenizer.ggml.add_bos_token", false);
    }
  }
}

package io.lorikeet.quant.convert;

import io.lorikeet.quant.InvalidInputException;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/// The families that can be converted, by the names that `config.json` has under `architectures`.
final class Families {
  private static final Map<String, Function<ModelFolder, ConvertedFamily>> BY_NAME =
      Map.ofEntries(
          Map.entry("LlamaForCausalLM", folder -> new LlamaFamily("llama", folder)),
          Map.entry("MistralForCausalLM", folder -> new LlamaFamily("llama", folder)),
          Map.entry("MixtralForCausalLM", folder -> new LlamaFamily("llama", folder)),
          Map.entry("SmolLM3ForCausalLM", folder -> new LlamaFamily("smollm3", folder)),
          Map.entry("GraniteForCausalLM", folder -> new GraniteFamily("granite", folder)),
          Map.entry("GraniteMoeForCausalLM", GraniteMoeFamily::new),
          Map.entry("GraniteMoeSharedForCausalLM", GraniteMoeFamily::new),
          Map.entry("GraniteMoeHybridForCausalLM", GraniteHybridFamily::new),
          Map.entry("MuseGlimmerForConditionalGeneration", MuseGlimmerFamily::new),
          Map.entry("NemotronHForCausalLM", NemotronHFamily::new),
          Map.entry("Mistral3ForConditionalGeneration", MistralFamily::new),
          Map.entry("Ministral3ForCausalLM", MistralFamily::new),
          Map.entry("Qwen2ForCausalLM", folder -> new ConvertedFamily("qwen2", folder)),
          Map.entry("Qwen3ForCausalLM", folder -> new ConvertedFamily("qwen3", folder)),
          Map.entry(
              "Qwen2VLForConditionalGeneration", folder -> new QwenVlFamily("qwen2vl", folder)),
          Map.entry(
              "Qwen2_5_VLForConditionalGeneration", folder -> new QwenVlFamily("qwen2vl", folder)),
          Map.entry(
              "Qwen3VLForConditionalGeneration", folder -> new QwenVlFamily("qwen3vl", folder)),
          Map.entry(
              "Qwen3VLMoeForConditionalGeneration",
              folder -> new QwenVlFamily("qwen3vlmoe", folder)),
          Map.entry("Qwen2MoeForCausalLM", folder -> new MixtureFamily("qwen2moe", folder)),
          Map.entry("Qwen3MoeForCausalLM", folder -> new MixtureFamily("qwen3moe", folder)),
          Map.entry("Qwen3NextForCausalLM", Qwen3NextFamily::new),
          Map.entry("Qwen3_5ForCausalLM", folder -> new Qwen35Family("qwen35", folder)),
          Map.entry(
              "Qwen3_5ForConditionalGeneration", folder -> new Qwen35Family("qwen35", folder)),
          Map.entry("Qwen3_5MoeForCausalLM", folder -> new Qwen35Family("qwen35moe", folder)),
          Map.entry(
              "Qwen3_5MoeForConditionalGeneration",
              folder -> new Qwen35Family("qwen35moe", folder)),
          Map.entry("OlmoeForCausalLM", folder -> new MixtureFamily("olmoe", folder)),
          Map.entry("Olmo2ForCausalLM", OlmoFamily::new),
          Map.entry("Olmo3ForCausalLM", OlmoFamily::new),
          Map.entry("Lfm2ForCausalLM", folder -> new Lfm2Family("lfm2", folder)),
          Map.entry("Lfm2MoeForCausalLM", folder -> new Lfm2Family("lfm2moe", folder)),
          Map.entry("Gemma2ForCausalLM", Gemma2Family::new),
          Map.entry("Gemma3ForCausalLM", Gemma3Family::new),
          Map.entry("Gemma3ForConditionalGeneration", Gemma3Family::new),
          Map.entry("Gemma3nForCausalLM", Gemma3nFamily::new),
          Map.entry("Gemma3nForConditionalGeneration", Gemma3nFamily::new),
          Map.entry("Gemma4ForCausalLM", Gemma4Family::new),
          Map.entry("Gemma4ForConditionalGeneration", Gemma4Family::new),
          Map.entry("Gemma4UnifiedForConditionalGeneration", Gemma4Family::new),
          Map.entry("Phi3ForCausalLM", PhiFamily::new),
          Map.entry("Glm4ForCausalLM", GlmFamily::new),
          Map.entry("Exaone4ForCausalLM", ExaoneFamily::new),
          Map.entry("SeedOssForCausalLM", folder -> new ConvertedFamily("seed_oss", folder)),
          Map.entry("Ernie4_5ForCausalLM", ErnieFamily::new),
          Map.entry("Ernie4_5_ForCausalLM", ErnieFamily::new),
          Map.entry("GptOssForCausalLM", GptOssFamily::new));

  private Families() {}

  /// The family of a model.
  ///
  /// @throws InvalidInputException when none is known, with the list of those that are
  static ConvertedFamily of(ModelFolder folder) {
    String name = folder.architecture();
    Function<ModelFolder, ConvertedFamily> family = BY_NAME.get(name);
    if (family == null) {
      throw new InvalidInputException(
          "%s: models of architecture '%s' can't be converted here; known are %s. Convert it with llama.cpp's convert_hf_to_gguf.py"
              .formatted(folder.path(), name, String.join(", ", new TreeMap<>(BY_NAME).keySet())));
    }
    return family.apply(folder);
  }
}

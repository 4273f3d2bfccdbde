package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelNameTest {
  /// From gguf-py's own tests (`test_metadata.py`).
  @ParameterizedTest
  @CsvSource({
    "Mixtral-8x7B, 0, , Mixtral, , , 8x7B",
    "Mixtral-v0.1, 0, , Mixtral, , v0.1,",
    "Mixtral, 0, , , , ,",
    "NousResearch/Meta-Llama-3-8B, 0, NousResearch, Meta-Llama-3, , , 8B",
    "Qwen1.5-MoE-A2.7B-Chat, 0, , Qwen1.5-MoE, Chat, , A2.7B",
    "Qwen2-57B-A14B-Instruct, 0, , Qwen2, Instruct, , 57B-A14B",
    "microsoft/Phi-3-mini-4k-instruct, 4000000000, microsoft, Phi-3, 4k-instruct, , mini",
    "delphi-suite/stories-llama2-50k, 50000, delphi-suite, stories-llama2, , , 50K",
    "DeepSeek-Coder-V2-Lite-Instruct, 0, , DeepSeek-Coder-V2-Lite, Instruct, ,",
    "crestf411/daybreak-kunoichi-2dpo-7b, 0, crestf411, daybreak-kunoichi, 2dpo, , 7B",
    "smallcloudai/Refact-1_6B-fim, 0, smallcloudai, Refact, fim, , 1.6B",
    "UCLA-AGI/Gemma-2-9B-It-SPPO-Iter3, 0, UCLA-AGI, Gemma-2, It-SPPO, Iter3, 9B",
    "NousResearch/Hermes-2-Theta-Llama-3-8B, 0, NousResearch, Hermes-2-Theta-Llama-3, , , 8B",
    "internlm/internlm2_5-7b-chat-1m, 7000000000, internlm, internlm2_5, chat-1m, , 7B",
    "pszemraj/jamba-900M-v0.13-KIx2, 0, pszemraj, jamba, KIx2, v0.13, 900M",
    "abacaj/llama-161M-100B, 161000000, abacaj, llama, 100b, , 161M",
    "bigscience/bloom-7b1-petals, 0, bigscience, bloom, petals, , 7.1B",
    "mistralai/Mistral-Nemo-Instruct-2407, 0, mistralai, Mistral-Nemo, Instruct, 2407,",
    "OpenGVLab/Mini-InternVL-Chat-2B-V1-5, 0, OpenGVLab, Mini-InternVL, Chat, V1-5, 2B"
  })
  void readsParts(
      String id,
      long parameters,
      String organization,
      String basename,
      String finetune,
      String version,
      String size) {
    ModelName name = ModelName.of(id, parameters);
    assertEquals(organization, name.organization().orElse(null));
    assertEquals(basename, name.basename().orElse(null));
    assertEquals(finetune, name.finetune().orElse(null));
    assertEquals(version, name.version().orElse(null));
    assertEquals(size, name.sizeLabel().orElse(null));
  }

  @ParameterizedTest
  @CsvSource({
    "Mixtral-8x7B-Instruct-v0.1, Mixtral 8x7B Instruct v0.1",
    "tinystories-656k-hf, Tinystories 656k Hf",
    "gpt-oss-20b, Gpt Oss 20b",
    "a_b, A_B"
  })
  void writesTitles(String name, String title) {
    assertEquals(title, ModelName.title(name));
  }
}

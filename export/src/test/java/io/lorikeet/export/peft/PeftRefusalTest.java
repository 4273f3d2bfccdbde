package io.lorikeet.export.peft;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Folders of PEFT that can't be imported: the message names all that is wrong.
class PeftRefusalTest {
  @TempDir private Path folder;
  private Path base;
  private PeftFolder peft;

  @BeforeEach
  void writeBase() throws IOException {
    base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    peft = new PeftFolder(folder.resolve("peft"));
  }

  @Test
  void namesAllThatGgufCantSay() throws IOException {
    String path = "base_model.model.model.";
    peft.addLayer(0, 2, 1, path);
    peft.tensors().remove(path + "layers.0.mlp.up_proj.lora_B.weight");
    peft.put(path + "layers.0.self_attn.q_proj.lora_magnitude_vector", new float[64], 64, 1);
    peft.put("base_model.model.lm_head.weight", new float[64 * 400], 400, 64);
    peft.put(path + "layers.9.self_attn.q_proj.lora_A.weight", new float[128], 2, 64);
    peft.put(path + "layers.9.self_attn.q_proj.lora_B.weight", new float[128], 64, 2);
    peft.put(path + "layers.1.self_attn.v_proj.lora_A.weight", new float[126], 2, 63);
    peft.put(path + "layers.1.self_attn.v_proj.lora_B.weight", new float[64], 32, 2);
    peft.put(path + "layers.0.self_attn.o_proj.lora_B.bias", new float[64], 64, 1);
    peft.tensors().get(path + "layers.0.self_attn.k_proj.lora_A.weight")[3] = Float.NaN;
    peft.write(
        """
        {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "use_dora": true,
         "modules_to_save": ["lm_head"], "init_lora_weights": "pissa_niter_4"}
        """);
    assertRefused(
        "use_dora",
        "modules_to_save: whole weights of lm_head",
        "import --merge-into",
        "pissa_niter_4",
        "layers.0.mlp.up_proj: lora_B is missing",
        "lora_magnitude_vector is a weight's magnitude",
        "lm_head.weight is a whole weight",
        "layers.9.self_attn.q_proj is not in the base",
        "has the shape [2, 63], and should have [2, 64]",
        "lora_B.bias is a bias",
        "holds NaN, first as element 3");
  }

  /// Parts of models whose modules end like the language model's.
  @Test
  void namesOtherPartsThanTheLanguageModel() throws IOException {
    for (String path :
        List.of(
            "base_model.model.model.vision_tower.vision_model.encoder",
            "base_model.model.vision_tower.vision_model.encoder",
            "base_model.model.model.audio_tower",
            "base_model.model.thinker.audio_tower",
            "base_model.model.talker.model",
            "base_model.model.mtp",
            "base_model.model.model.multi_modal_projector.model",
            "vision_tower")) {
      peft.tensors().clear();
      peft.addLayer(0, 2, 1, path + ".");
      peft.write("{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 2}");
      assertRefused(
          path.replace("base_model.model.", "")
              + ".layers holds 12 tensors of another part than the language model");
    }
    peft.tensors().clear();
    peft.put("base_model.model.model.visual.merger.lora_A.weight", new float[128], 2, 64);
    peft.put("base_model.model.model.vision_tower.norm.weight", new float[64], 1, 64);
    peft.put(
        "base_model.model.mtp.layers.0.self_attn.q_proj.lora_magnitude_vector",
        new float[64],
        64,
        1);
    peft.write("{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 2}");
    assertRefused(
        "visual.merger.lora_A.weight is none",
        "vision_tower.norm.weight is none",
        "mtp.layers holds 1 tensors");
  }

  @Test
  void ranksAreThoseOfTheConfiguration() throws IOException {
    peft.addLayer(0, 4, 1, "base_model.model.model.");
    peft.write("{\"peft_type\": \"LORA\", \"r\": 8, \"lora_alpha\": 4}");
    assertRefused("layers.0.self_attn.q_proj has rank 4, but adapter_config.json says 8");
    peft.write(
        "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 4, \"rank_pattern\": {\"k_proj\": 2}}");
    assertRefused("layers.0.self_attn.k_proj has rank 4, but adapter_config.json says 2");
  }

  @Test
  void valuesHaveTheTypesOfPeft() throws IOException {
    peft.addLayer(0, 4, 1, "base_model.model.model.");
    peft.write("{\"peft_type\": \"LORA\"}");
    assertRefused(
        "r is missing, and should be a whole number above 0",
        "lora_alpha is missing, and should be a number other than 0");
    String right = "\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 4";
    for (String wrong :
        List.of(
            "\"use_rslora\": \"yes\"",
            "\"use_dora\": 1",
            "\"fan_in_fan_out\": \"false\"",
            "\"bias\": false",
            "\"modules_to_save\": \"lm_head\"",
            "\"target_modules\": {\"q_proj\": 1}",
            "\"target_modules\": [\"q_proj\", 1]",
            "\"layers_to_transform\": \"all\"",
            "\"layers_to_transform\": [0.5]",
            "\"rank_pattern\": [4]",
            "\"rank_pattern\": {\"q_proj\": 4.5}",
            "\"rank_pattern\": {\"q_proj\": 0}",
            "\"alpha_pattern\": {\"q_proj\": \"4\"}",
            "\"lora_dropout\": \"0.1\"",
            "\"init_lora_weights\": 1")) {
      peft.write("{" + right + ", " + wrong + "}");
      String key = wrong.substring(1, wrong.indexOf('"', 1));
      assertRefused("adapter_config.json: " + key + " is ", "and should be ");
    }
    for (String wrong : List.of("0", "-4", "4.0", "\"4\"", "true", "99999999999")) {
      peft.write("{\"peft_type\": \"LORA\", \"lora_alpha\": 4, \"r\": " + wrong + "}");
      assertRefused("r is " + wrong + ", and should be a whole number above 0");
    }
    for (String wrong : List.of("0", "\"4\"", "1e999")) {
      peft.write("{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": " + wrong + "}");
      assertRefused("lora_alpha is ", "and should be a number other than 0");
    }
    peft.write("{" + right + ", \"lora_dropout\": NaN}");
    assertRefused("isn't valid JSON, at line 1, column");
    peft.write("{" + right + ", \"r\": 8}");
    assertRefused("isn't valid JSON");
  }

  @Test
  void namesMethodsThatComputeSomethingElse() throws IOException {
    peft.addLayer(0, 4, 1, "base_model.model.model.");
    peft.write(
        """
        {"peft_type": "LORA", "r": 4, "lora_alpha": 4, "bias": "all", "use_qalora": true,
         "lora_bias": true, "kasa_config": {"beta": 1}, "use_bdlora": {"nblocks": 2},
         "target_parameters": ["a"], "layer_replication": [[0, 1]],
         "trainable_token_indices": {"embed_tokens": [1]}, "init_lora_weights": "lora_ga"}
        """);
    assertRefused(
        "bias 'all'",
        "use_qalora",
        "lora_bias",
        "kasa_config",
        "use_bdlora",
        "target_parameters",
        "layer_replication",
        "trainable_token_indices",
        "init_lora_weights 'lora_ga'");
  }

  @Test
  void refusesOtherFolders() throws IOException {
    Path path = Files.createDirectories(peft.path());
    assertRefused("has no adapter_config.json");
    Files.writeString(path.resolve("config.json"), "{}");
    assertRefused("is a whole model: 'lorikeet convert");
    Path config = path.resolve("adapter_config.json");
    Files.writeString(config, "{\"peft_type\": \"IA3\"}");
    assertRefused("'IA3'");
    Files.writeString(config, "{\"peft_type\": ");
    assertRefused("isn't valid JSON");
    Files.writeString(config, "[]");
    assertRefused("isn't a JSON object");
    Files.writeString(config, "{\"peft_type\": \"LORA\", \"r\": 1, \"lora_alpha\": 1}");
    assertRefused("has no adapter_model.safetensors");
    Files.write(path.resolve("adapter_model.bin"), new byte[3]);
    assertRefused("safe_serialization=True");
    Files.writeString(path.resolve("adapters.safetensors"), "");
    assertRefused("is an adapter of MLX");
    Files.delete(path.resolve("adapters.safetensors"));
    peft.write("{\"peft_type\": \"LORA\", \"r\": 1, \"lora_alpha\": 1}");
    assertRefused("no pair of matrices");
  }

  private void assertRefused(String... words) throws IOException {
    try (GgufFile gguf = GgufFile.open(base)) {
      InvalidInputException refused =
          assertThrows(InvalidInputException.class, () -> PeftImporter.read(peft.path(), gguf));
      for (String word : words) {
        assertTrue(
            refused.getMessage().contains(word), () -> word + " in: " + refused.getMessage());
      }
    }
  }
}

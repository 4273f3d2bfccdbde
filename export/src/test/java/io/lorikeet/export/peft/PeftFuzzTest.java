package io.lorikeet.export.peft;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.SafetensorsWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Folders that are damaged or meant badly are refused in words, whatever is in them.
@Tag("slow")
class PeftFuzzTest {
  private static final int INPUTS = 4000;
  private static final String CONFIG =
      """
      {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "use_rslora": false, "use_dora": true,
       "rank_pattern": {"k_proj": 3}, "alpha_pattern": {"q_proj": 3.5, "layers.1.*v_proj": 1},
       "modules_to_save": ["lm_head"], "init_lora_weights": true, "layer_replication": null}
      """;
  private static final String[] WORDS = {
    "null", "true", "-1", "1e999", "\"x\"", "[]", "{}", "[[", "(", "*", "0", "NaN", "layers.", "\\"
  };

  @TempDir private Path folder;
  private Path base;
  private Path config;
  private Path weights;

  @BeforeEach
  void write() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    config = folder.resolve("adapter_config.json");
    weights = folder.resolve("adapter_model.safetensors");
    String path = "base_model.model.model.layers.0.self_attn.";
    new SafetensorsWriter()
        .putMetadata("format", "pt")
        .putMetadata("lorikeet.training", "{\"rank\": \"2\"}")
        .addTensor(path + "q_proj.lora_A.weight", new long[] {2, 64}, new float[128])
        .addTensor(path + "q_proj.lora_B.weight", new long[] {64, 2}, new float[128])
        .addTensor(path + "q_proj.lora_magnitude_vector", new long[] {64}, new float[64])
        .addTensor("base_model.model.model.norm.weight", new long[] {64}, new float[64])
        .write(weights);
    Files.writeString(config, CONFIG);
  }

  @Test
  void damagedFolders() throws IOException {
    long seed = 20_26L;
    SplittableRandom random = new SplittableRandom(seed);
    byte[] goodConfig = CONFIG.getBytes(StandardCharsets.UTF_8);
    byte[] goodWeights = Files.readAllBytes(weights);
    int head =
        Math.toIntExact(ByteBuffer.wrap(goodWeights).order(ByteOrder.LITTLE_ENDIAN).getLong());
    int refused = 0;
    try (GgufFile gguf = GgufFile.open(base)) {
      for (int i = 0; i < INPUTS; i++) {
        boolean inConfig = random.nextBoolean();
        Files.write(config, inConfig ? mutated(goodConfig, goodConfig.length, random) : goodConfig);
        Files.write(weights, inConfig ? goodWeights : mutated(goodWeights, 8 + head, random));
        try {
          read(gguf, i % 2 == 0);
        } catch (InvalidInputException | IOException _) {
          refused++;
        } catch (RuntimeException | Error e) {
          fail("seed " + seed + ", input " + i + ": " + Files.readString(config), e);
        }
      }
    }
    assertTrue(refused > INPUTS / 2, refused + " refused");
  }

  private void read(GgufFile gguf, boolean merging) throws IOException {
    if (merging) {
      PeftMerger.check(folder, gguf);
    } else {
      PeftImporter.read(folder, gguf);
    }
  }

  /// One to three changes among the first bytes: other bytes, words put in, parts cut out or
  /// doubled.
  private static byte[] mutated(byte[] good, int among, SplittableRandom random) {
    byte[] bytes = good;
    for (int change = random.nextInt(1, 4); change > 0; change--) {
      int at = random.nextInt(Math.min(among, bytes.length));
      int end = Math.min(bytes.length, at + random.nextInt(1, 12));
      bytes =
          switch (random.nextInt(4)) {
            case 0 -> joined(bytes, at, new byte[] {(byte) random.nextInt()}, at + 1);
            case 1 -> {
              String word = WORDS[random.nextInt(WORDS.length)];
              yield joined(bytes, at, word.getBytes(StandardCharsets.UTF_8), end);
            }
            case 2 -> joined(bytes, at, new byte[0], end);
            default -> joined(bytes, end, Arrays.copyOfRange(bytes, at, end), end);
          };
    }
    return bytes;
  }

  private static byte[] joined(byte[] bytes, int until, byte[] middle, int from) {
    return ByteBuffer.allocate(until + middle.length + bytes.length - from)
        .put(bytes, 0, until)
        .put(middle)
        .put(bytes, from, bytes.length - from)
        .array();
  }

  @Test
  void patternsThatHoldNoNumbers() throws IOException {
    try (GgufFile gguf = GgufFile.open(base)) {
      for (String pattern : new String[] {"alpha_pattern", "rank_pattern"}) {
        for (String value : new String[] {"\"4\"", "null", "true", "[1]", "{\"a\": 1}"}) {
          Files.writeString(
              config,
              "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4, \"%s\": {\"q_proj\": %s}}"
                  .formatted(pattern, value));
          for (boolean merging : new boolean[] {true, false}) {
            String message =
                assertThrows(InvalidInputException.class, () -> read(gguf, merging)).getMessage();
            assertTrue(message.contains(pattern + " is "), message);
            assertTrue(message.contains("\"q_proj\""), message);
          }
        }
      }
    }
  }
}

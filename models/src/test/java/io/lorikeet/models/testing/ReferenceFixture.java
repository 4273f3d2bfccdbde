package io.lorikeet.models.testing;

import io.lorikeet.models.architecture.TokenBatch;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;

/// One case of `reference-fixture.txt`, which `src/test/python/reference_fixture.py` made with
/// PyTorch: lines of a key and its values. Weights are generated as the script does.
final class ReferenceFixture {
  private final Map<String, String[]> lines;

  private ReferenceFixture(Map<String, String[]> lines) {
    this.lines = lines;
  }

  static List<ReferenceFixture> read() throws IOException {
    List<ReferenceFixture> cases = new ArrayList<>();
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                ReferenceFixture.class.getResourceAsStream("reference-fixture.txt"),
                StandardCharsets.UTF_8))) {
      Map<String, String[]> current = new LinkedHashMap<>();
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        String[] words = line.split(" ");
        if (words[0].equals("case")) {
          current = new LinkedHashMap<>();
          cases.add(new ReferenceFixture(current));
        }
        current.put(words[0], Arrays.copyOfRange(words, 1, words.length));
      }
    }
    return cases;
  }

  @Override
  public String toString() {
    return lines.get("case")[0];
  }

  double[] values(String key) {
    return Arrays.stream(lines.get(key)).mapToDouble(Double::parseDouble).toArray();
  }

  double number(String key) {
    return values(key)[0];
  }

  ReferenceModel model() {
    ReferenceConfig config = config();
    int queries = config.heads() * config.headSize();
    int keys = config.keyValueHeads() * config.headSize();
    Map<String, double[]> weights = new LinkedHashMap<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      String prefix = "blk." + layer + ".";
      addNorm(weights, prefix + "attn_norm.weight");
      addLinear(weights, prefix + "attn_q", config.width(), queries);
      addLinear(weights, prefix + "attn_k", config.width(), keys);
      addLinear(weights, prefix + "attn_v", config.width(), keys);
      addLinear(weights, prefix + "attn_output", queries, config.width());
      addNorm(weights, prefix + "ffn_norm.weight");
      addLinear(weights, prefix + "ffn_gate", config.width(), config.feedForward());
      addLinear(weights, prefix + "ffn_up", config.width(), config.feedForward());
      addLinear(weights, prefix + "ffn_down", config.feedForward(), config.width());
    }
    addNorm(weights, "output_norm.weight");
    addMatrix(weights, "token_embd.weight", config.width(), config.vocabulary());
    if (number("tied") == 0) {
      addMatrix(weights, "output.weight", config.width(), config.vocabulary());
    }
    if (number("factors") == 1) {
      weights.put(
          "rope_freqs.weight", generate("rope_freqs.weight", config.headSize() / 2, 1.5, 3));
    }
    return new ReferenceModel(config, weights);
  }

  TokenBatch batch() {
    double[] weights = values("weights");
    float[] narrow = new float[weights.length];
    for (int i = 0; i < weights.length; i++) {
      narrow[i] = (float) weights[i];
    }
    int context = integer("context");
    int[] firstVisible = integers("first_visible");
    int[] seenUntil = new int[firstVisible.length];
    for (int i = seenUntil.length - 1; i >= 0; i--) {
      boolean seen = (i + 1) % context != 0 && firstVisible[i + 1] <= i % context;
      seenUntil[i] = seen ? seenUntil[i + 1] : i % context;
    }
    return new TokenBatch(
        integer("rows"),
        context,
        integers("tokens"),
        integers("positions"),
        seenUntil,
        integers("targets"),
        narrow);
  }

  /// The pairs whose gradients the fixture holds.
  List<ReferencePair> pairs() {
    List<ReferencePair> pairs = new ArrayList<>();
    for (String key : lines.keySet()) {
      if (key.endsWith(".lora_a")) {
        String tensor = key.substring(0, key.length() - ".lora_a".length());
        double[] a = generate(key, values(key).length, 1, 0);
        double[] b = generate(tensor + ".lora_b", values(tensor + ".lora_b").length, 1, 0);
        pairs.add(new ReferencePair(tensor, integer("rank"), a, b));
      }
    }
    return pairs;
  }

  private ReferenceConfig config() {
    return new ReferenceConfig(
        integer("layers"),
        integer("width"),
        integer("feed_forward"),
        integer("heads"),
        integer("kv_heads"),
        integer("head_size"),
        integer("vocabulary"),
        number("epsilon"),
        new ReferenceConfig.Rope(
            number("base"),
            number("factor"),
            number("yarn") == 1,
            integer("original"),
            number("attention_factor")));
  }

  private void addLinear(Map<String, double[]> weights, String name, int inputs, int outputs) {
    addMatrix(weights, name + ".weight", inputs, outputs);
    if (number("biases") == 1) {
      weights.put(name + ".bias", generate(name + ".bias", outputs, 0.5, 0));
    }
  }

  private static void addMatrix(
      Map<String, double[]> weights, String name, int inputs, int outputs) {
    weights.put(name, generate(name, inputs * outputs, Math.sqrt(3.0 / inputs), 0));
  }

  private void addNorm(Map<String, double[]> weights, String name) {
    weights.put(name, generate(name, integer("width"), 0.25, 1));
  }

  /// Uniform in `[-1, 1)`, times the scale, plus the offset: splitmix64 seeded by the CRC-32 of the
  /// name.
  private static double[] generate(String name, int count, double scale, double offset) {
    CRC32 crc = new CRC32();
    crc.update(name.getBytes(StandardCharsets.UTF_8));
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      long z = crc.getValue() * 0x9E3779B97F4A7C15L + (i + 1) * 0xD1B54A32D192ED03L;
      z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
      z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
      z ^= z >>> 31;
      values[i] = offset + scale * ((z >>> 11) * 0x1p-52 - 1);
    }
    return values;
  }

  private int integer(String key) {
    return integers(key)[0];
  }

  private int[] integers(String key) {
    return Arrays.stream(lines.get(key)).mapToInt(Integer::parseInt).toArray();
  }
}

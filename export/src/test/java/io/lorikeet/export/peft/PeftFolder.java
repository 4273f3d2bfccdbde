package io.lorikeet.export.peft;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/// A folder made by hand as PEFT documents it ("PEFT checkpoint format") for a random model, and
/// the changes of weights that PEFT defines for it.
final class PeftFolder {
  static final int HEADS = 4; // RandomModel's
  static final int KEY_VALUE_HEADS = 2;

  private final Path path;
  private final Map<String, Delta> deltas = new LinkedHashMap<>();
  private final Map<String, float[]> tensors = new LinkedHashMap<>();
  private final Map<String, int[]> shapes = new LinkedHashMap<>();
  private final SplittableRandom random = new SplittableRandom(5);

  /// The change of a weight in Hugging Face's order, `[outputs][inputs]`.
  record Delta(double[][] values, int permutedHeads) {}

  PeftFolder(Path path) {
    this.path = path;
  }

  Path path() {
    return path;
  }

  /// By the base's tensor.
  Map<String, Delta> deltas() {
    return deltas;
  }

  /// Numbers of the weights' file by tensor.
  Map<String, float[]> tensors() {
    return tensors;
  }

  void clear() {
    tensors.clear();
    deltas.clear();
  }

  void addLayer(int layer, int rank, double scaling, String path) {
    String module = path + "layers." + layer + ".";
    String blk = "blk." + layer + ".";
    add(module + "self_attn.q_proj", blk + "attn_q", 64, 64, HEADS, rank, scaling);
    add(module + "self_attn.k_proj", blk + "attn_k", 64, 32, KEY_VALUE_HEADS, rank, scaling);
    add(module + "self_attn.v_proj", blk + "attn_v", 64, 32, 0, rank, scaling);
    add(module + "self_attn.o_proj", blk + "attn_output", 64, 64, 0, rank, scaling);
    add(module + "mlp.gate_proj", blk + "ffn_gate", 64, 128, 0, rank, scaling);
    add(module + "mlp.up_proj", blk + "ffn_up", 64, 128, 0, rank, scaling);
  }

  /// A module: lora_A `[rank, inputs]`, lora_B `[outputs, rank]`, and scaling · lora_B lora_A.
  void add(
      String module,
      String tensor,
      int inputs,
      int outputs,
      int permutedHeads,
      int rank,
      double scaling) {
    float[] a = values(rank * inputs, 1 / Math.sqrt(inputs));
    float[] b = values(outputs * rank, 0.3);
    double[][] delta = new double[outputs][inputs];
    for (int o = 0; o < outputs; o++) {
      for (int i = 0; i < inputs; i++) {
        for (int k = 0; k < rank; k++) {
          delta[o][i] += scaling * b[o * rank + k] * a[k * inputs + i];
        }
      }
    }
    deltas.put(tensor + ".weight", new Delta(delta, permutedHeads));
    put(module + ".lora_A.weight", a, rank, inputs);
    put(module + ".lora_B.weight", b, outputs, rank);
  }

  /// The embedding: lora_embedding_A `[rank, tokens]`, lora_embedding_B `[embedding, rank]`; token
  /// t gets scaling · `lora_embedding_B lora_embedding_A[:, t]`.
  void addEmbedding(String module, int rank, double scaling) {
    int tokens = 400;
    float[] a = values(rank * tokens, 1);
    float[] b = values(64 * rank, 0.3);
    double[][] delta = new double[tokens][64];
    for (int t = 0; t < tokens; t++) {
      for (int e = 0; e < 64; e++) {
        for (int k = 0; k < rank; k++) {
          delta[t][e] += scaling * b[e * rank + k] * a[k * tokens + t];
        }
      }
    }
    deltas.put("token_embd.weight", new Delta(delta, 0));
    put(module + ".lora_embedding_A", a, rank, tokens);
    put(module + ".lora_embedding_B", b, 64, rank);
  }

  private float[] values(int count, double size) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (size * random.nextGaussian());
    }
    return values;
  }

  void put(String name, float[] values, int... shape) {
    tensors.put(name, values);
    shapes.put(name, shape);
  }

  /// A safetensors file byte by byte, as its specification has it, and the configuration.
  void write(String config) throws IOException {
    StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (Map.Entry<String, float[]> tensor : tensors.entrySet()) {
      int[] shape = shapes.get(tensor.getKey());
      int begin = data.size();
      ByteBuffer bytes =
          ByteBuffer.allocate(4 * tensor.getValue().length).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(tensor.getValue());
      data.writeBytes(bytes.array());
      header.append(
          ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[%d,%d]}"
              .formatted(tensor.getKey(), shape[0], shape[1], begin, data.size()));
    }
    byte[] json = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer all =
        ByteBuffer.allocate(8 + json.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
    all.putLong(json.length).put(json).put(data.toByteArray());
    Files.createDirectories(path);
    Files.write(path.resolve("adapter_model.safetensors"), all.array());
    Files.writeString(path.resolve("adapter_config.json"), config);
  }
}

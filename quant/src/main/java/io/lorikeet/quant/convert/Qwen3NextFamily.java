package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Qwen3-Next, and the parts that Qwen 3.5 has in common with it (`Qwen3NextModel` in
/// `conversion/qwen.py`). Most layers have gated delta nets. Norms are stored without the one that
/// is added to them. Layers behind the others predict further tokens (MTP); their tensors have
/// names of their own.
class Qwen3NextFamily extends MixtureFamily {
  private static final Pattern PREDICTING = Pattern.compile("(?:model\\.)?mtp\\.(.+)");
  private static final Pattern PREDICTING_LAYER = Pattern.compile("layers\\.(\\d{1,9})\\.(.+)");

  /// Names of the parts of the first predicting layer that are stored outside of it.
  private static final Map<String, String> OF_PREDICTING =
      Map.of(
          "fc.weight", "eh_proj.weight",
          "pre_fc_norm_embedding.weight", "enorm.weight",
          "pre_fc_norm_hidden.weight", "hnorm.weight",
          "norm.weight", "shared_head.norm.weight");

  private int predictingLayers;

  Qwen3NextFamily(ModelFolder folder) {
    this("qwen3next", folder);
  }

  Qwen3NextFamily(String architecture, ModelFolder folder) {
    super(architecture, folder);
  }

  /// The sizes of a layer's delta net.
  ///
  /// @param keyHeads heads of queries and of keys
  /// @param valueHeads heads of values
  /// @param headLength numbers of any head
  record Net(int keyHeads, int valueHeads, int headLength) {
    int keyWidth() {
      return keyHeads * headLength;
    }

    int valueWidth() {
      return valueHeads * headLength;
    }

    int valuesPerKey() {
      return valueHeads / keyHeads;
    }
  }

  final Net net() {
    Config config = config();
    Net net =
        new Net(
            config.requireSize("linear_num_key_heads"),
            config.requireSize("linear_num_value_heads"),
            config.requireSize("linear_key_head_dim"));
    if (net.headLength() != config.requireSize("linear_value_head_dim")) {
      throw config.invalid(
          "'linear_key_head_dim' and 'linear_value_head_dim' differ; llama.cpp knows one size for both");
    }
    if (net.valueHeads() % net.keyHeads() != 0) {
      throw config.invalid(
          "'linear_num_value_heads' %s is no multiple of 'linear_num_key_heads' %s"
              .formatted(net.valueHeads(), net.keyHeads()));
    }
    return net;
  }

  @Override
  void inspect(StoredWeights weights) {
    for (String name : weights.names()) {
      Matcher predicting = PREDICTING.matcher(name);
      if (predicting.matches()) {
        Matcher layer = PREDICTING_LAYER.matcher(predicting.group(1));
        int count = layer.matches() ? 1 + Integer.parseInt(layer.group(1)) : 1;
        predictingLayers = Math.max(predictingLayers, count);
      }
    }
  }

  @Override
  int layers() {
    return super.layers() + predictingLayers;
  }

  @Override
  String usualName(String name) {
    Matcher predicting = PREDICTING.matcher(name);
    if (!predicting.matches()) {
      return name;
    }
    String part = predicting.group(1);
    Matcher layer = PREDICTING_LAYER.matcher(part);
    int index = super.layers() + (layer.matches() ? Integer.parseInt(layer.group(1)) : 0);
    String inLayer = layer.matches() ? layer.group(2) : OF_PREDICTING.getOrDefault(part, part);
    return "model.layers." + index + "." + inLayer;
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    requireExpertsInAllLayers();
    Config config = config();
    Net net = net();
    writer.putUint32(key("ssm.conv_kernel"), config.requireSize("linear_conv_kernel_dim"));
    writer.putUint32(key("ssm.state_size"), net.headLength());
    writer.putUint32(key("ssm.group_count"), net.keyHeads());
    writer.putUint32(key("ssm.time_step_rank"), net.valueHeads());
    writer.putUint32(key("ssm.inner_size"), net.valueWidth());
    if (config.has("layer_types")) {
      writer.put(key("attention.recurrent_layers"), GgufValue.Array.ofBools(recurrent()));
    }
    writer.putUint32(
        key("full_attention_interval"), config.integer("full_attention_interval").orElse(4));
    writer.putUint32(
        key("rope.dimension_count"), (int) (headLength() * rope().rotatedShare(config, 0.25)));
    if (predictingLayers > 0) {
      writer.putUint32(key("nextn_predict_layers"), predictingLayers);
    }
  }

  private void requireExpertsInAllLayers() {
    boolean some = config().list("mlp_only_layers").filter(list -> !list.isEmpty()).isPresent();
    if (some || config().integer("decoder_sparse_step").orElse(1) != 1) {
      throw config()
          .invalid(
              "layers without experts ('mlp_only_layers', 'decoder_sparse_step') aren't known to llama.cpp");
    }
  }

  private boolean[] recurrent() {
    List<JsonNode> types = config().list("layer_types").orElseThrow();
    if (types.size() != super.layers()) {
      throw config()
          .invalid(
              "'layer_types' has %s elements for %s layers"
                  .formatted(types.size(), super.layers()));
    }
    boolean[] recurrent = new boolean[layers()];
    for (int i = 0; i < types.size(); i++) {
      recurrent[i] = types.get(i).asText().equals("linear_attention");
    }
    return recurrent;
  }

  @Override
  WeightRows changed(String name, WeightRows rows) {
    if (name.endsWith(".A_log")) {
      return rows.negativeExponential();
    }
    if (name.endsWith(".conv1d.weight")) {
      return rows.squeezed();
    }
    String usual = usualName(name);
    boolean gated = usual.endsWith("linear_attn.norm.weight");
    return usual.endsWith("norm.weight") && !gated ? rows.plus(1) : rows;
  }

  @Override
  List<OutputTensor> outputs(String name, StoredWeights weights) {
    if (name.endsWith(".A_log")) {
      String output = outputName(name + ".weight").replaceFirst("\\.weight$", "");
      return List.of(new OutputTensor.NumberTensor(output, changed(name, weights.rows(name))));
    }
    if (name.endsWith(".dt_bias")) {
      String output = outputName(name + ".bias");
      return List.of(new OutputTensor.NumberTensor(output, changed(name, weights.rows(name))));
    }
    return name.endsWith(".in_proj_qkvz.weight")
        ? taken(name, weights.rows(name))
        : super.outputs(name, weights);
  }

  /// Queries, keys and values apart from the gate: they are stored by key head, with those of its
  /// value heads.
  private List<OutputTensor> taken(String name, WeightRows rows) {
    Net net = net();
    int length = net.headLength();
    int values = net.valuesPerKey() * length;
    int group = 2 * length + 2 * values;
    if (rows.shape().size() != 2 || rows.rows() != (long) net.keyHeads() * group) {
      throw new IllegalArgumentException(
          "'%s' has the shape %s instead of %s rows"
              .formatted(name, rows.shape(), net.keyHeads() * group));
    }
    WeightRows qkv =
        rows.rowsFrom(
            2L * net.keyWidth() + net.valueWidth(),
            row -> {
              long part = Math.min(row / net.keyWidth(), 2);
              long within = row - part * net.keyWidth();
              long each = part < 2 ? length : values;
              return within / each * group + part * length + within % each;
            });
    WeightRows gate =
        rows.rowsFrom(
            net.valueWidth(), row -> row / values * group + 2L * length + values + row % values);
    String base = name.substring(0, name.length() - "qkvz.weight".length());
    return List.of(
        new OutputTensor.NumberTensor(outputName(base + "qkv.weight"), qkv),
        new OutputTensor.NumberTensor(outputName(base + "z.weight"), gate));
  }
}

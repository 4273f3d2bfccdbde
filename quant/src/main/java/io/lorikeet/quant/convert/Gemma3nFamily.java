package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;

/// Gemma 3n's text model (`Gemma3NModel` in llama.cpp's `conversion/gemma.py`): four streams of
/// hidden states, embeddings for each layer, keys and values of earlier layers.
final class Gemma3nFamily extends GemmaFamily {
  private static final Pattern STREAM =
      Pattern.compile("(model\\.altup_(?:unembed_)?projections)\\.(\\d)\\.weight");

  /// Tokens without embeddings of their own, those of images and sounds, are among the ids.
  private static final Pattern EMBEDDINGS = Pattern.compile("model\\.embed_tokens.*\\.weight");

  private static final Pattern QUERIES =
      Pattern.compile("(model\\.layers\\.\\d+\\.self_attn)\\.q_proj\\.weight");

  private static final int STREAMS = 4;

  Gemma3nFamily(ModelFolder folder) {
    super("gemma3n", folder);
    if (config().requireInteger("altup_num_inputs") != STREAMS) {
      throw config().invalid("'altup_num_inputs' isn't 4, as llama.cpp has it");
    }
  }

  @Override
  double defaultRopeBase() {
    return 1_000_000;
  }

  /// Configurations have a width for each layer, or one for all.
  @Override
  long feedForward() {
    return widths().length > 0 ? widths()[0] : super.feedForward();
  }

  private int[] widths() {
    JsonNode widths = config().json().path("intermediate_size");
    return StreamSupport.stream(widths.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  @Override
  Map<String, String> outerNames() {
    return Map.of(
        "model.embed_tokens_per_layer", "per_layer_token_embd",
        "model.per_layer_model_projection", "per_layer_model_proj",
        "model.per_layer_projection_norm", "per_layer_proj_norm",
        "model.altup_projections", "altup_proj",
        "model.altup_unembed_projections", "altup_unembd_proj");
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    Config config = config();
    if (widths().length > 0) {
      writer.putInts(key("feed_forward_length"), widths());
    }
    writer.putUint32(key("attention.sliding_window"), config.requireInteger("sliding_window"));
    writer.put(key("attention.sliding_window_pattern"), GgufValue.Array.ofBools(windows()));
    writer.putUint32(
        key("attention.shared_kv_layers"), config.requireInteger("num_kv_shared_layers"));
    writer.putUint32(key("altup.active_idx"), config.integer("altup_active_idx").orElse(0));
    writer.putUint32(key("altup.num_inputs"), STREAMS);
    writer.putUint32(
        key("embedding_length_per_layer_input"),
        config.requireInteger("hidden_size_per_layer_input"));
  }

  private boolean[] windows() {
    List<JsonNode> types = config().list("layer_types").orElse(List.of());
    if (types.size() != layers()) {
      throw config()
          .invalid("'layer_types' has %s elements for %s layers".formatted(types.size(), layers()));
    }
    boolean[] windows = new boolean[layers()];
    for (int i = 0; i < windows.length; i++) {
      windows[i] = types.get(i).asText().equals("sliding_attention");
    }
    return windows;
  }

  @Override
  List<OutputTensor> outputs(String name, StoredWeights weights) {
    Matcher stream = STREAM.matcher(name);
    if (stream.matches()) {
      return stream.group(2).equals("0") ? stacked(stream.group(1), weights) : List.of();
    }
    List<OutputTensor> outputs = new ArrayList<>(super.outputs(name, weights));
    Matcher queries = QUERIES.matcher(name);
    if (queries.matches() && !weights.has(queries.group(1) + ".k_proj.weight")) {
      addUnusedKeys(queries.group(1), outputs);
    }
    return outputs;
  }

  /// The projections of the streams but the first.
  private List<OutputTensor> stacked(String name, StoredWeights weights) {
    List<WeightRows> matrices = new ArrayList<>();
    for (int i = 0; i < STREAMS - 1; i++) {
      matrices.add(weights.rows(name + "." + i + ".weight"));
    }
    return List.of(
        new OutputTensor.NumberTensor(outputName(name + ".weight"), WeightRows.stacked(matrices)));
  }

  /// llama.cpp wants keys and values of layers that have none, and doesn't compute with them.
  private void addUnusedKeys(String attention, List<OutputTensor> outputs) {
    long width = config().requireSize("hidden_size");
    long rows = (long) keyValueHeads() * headLength();
    for (String part : List.of(".k_proj.weight", ".v_proj.weight")) {
      outputs.add(zeros(attention + part, List.of(width, rows)));
    }
    outputs.add(zeros(attention + ".k_norm.weight", List.of((long) headLength())));
  }

  private OutputTensor zeros(String name, List<Long> shape) {
    WeightRows rows = new WeightRows(shape, name, (_, into) -> Arrays.fill(into, 0));
    return new OutputTensor.NumberTensor(outputName(name), rows);
  }

  @Override
  WeightRows changed(String name, WeightRows rows) {
    return EMBEDDINGS.matcher(name).matches()
        ? rows.padded(config().requireSize("vocab_size"))
        : rows;
  }
}

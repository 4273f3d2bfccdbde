package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/// Gemma 4's text model, dense or with experts beside the dense part, with embeddings for each
/// layer or without (`conversion/gemma.py`).
/// Layers with full attention have heads of another size and number than those with a window, and
/// rotate only a part of each head.
final class Gemma4Family extends GemmaFamily {
  /// Tokens that separate the parts of replies, so llama.cpp has to show them.
  private static final Set<String> SHOWN =
      Set.of(
          "<|channel>",
          "<channel|>",
          "<|tool_call>",
          "<tool_call|>",
          "<|tool_response>",
          "<tool_response|>",
          "<|\"|>");

  /// Keys of `tokenizer_config.json` that hold several special tokens.
  private static final List<String> TOKEN_LISTS =
      List.of("extra_special_tokens", "additional_special_tokens", "model_specific_special_tokens");

  /// Divides the frequencies that aren't to rotate.
  private static final float STILL = 1e30f;

  Gemma4Family(ModelFolder folder) {
    super("gemma4", folder);
    requireKeysToShare();
  }

  /// llama.cpp takes the keys of two layers for all that have none: those of the last layer that
  /// has some, and those of the one before it where there is a window.
  private void requireKeysToShare() {
    boolean[] windows = windows();
    int own = windows.length - sharingLayers();
    for (int layer = Math.max(own, 0); layer < windows.length; layer++) {
      int source = own - (windows[layer] ? 2 : 1);
      if (source < 0 || own < 2 || windows[source] != windows[layer]) {
        throw config()
            .invalid(
                "'num_kv_shared_layers' is %s: layer %s would have the keys and values of layer %s, which llama.cpp can't do with these 'layer_types'"
                    .formatted(sharingLayers(), layer, source));
      }
    }
  }

  private int sharingLayers() {
    return Math.toIntExact(config().integer("num_kv_shared_layers").orElse(0));
  }

  @Override
  Map<String, String> outerNames() {
    return Map.of(
        "model.embed_tokens_per_layer", "per_layer_token_embd",
        "model.per_layer_model_projection", "per_layer_model_proj",
        "model.per_layer_projection_norm", "per_layer_proj_norm");
  }

  /// Which part of a head is rotated is in a tensor.
  @Override
  Rope rope() {
    Rope rope = super.rope();
    if (!rope.type().equals("proportional")) {
      throw config()
          .invalid(
              "the rotation of full attention is of type '%s', not 'proportional'"
                  .formatted(rope.type()));
    }
    return new Rope(rope.base(), rope.slidingBase(), "default", rope.scaling());
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    Config config = config();
    config
        .real("final_logit_softcapping")
        .ifPresent(cap -> writer.putFloat32(key("final_logit_softcapping"), (float) cap));
    writer.putUint32(key("attention.sliding_window"), config.requireInteger("sliding_window"));
    writer.putUint32(key("attention.shared_kv_layers"), sharingLayers());
    long inputs = config.integer("hidden_size_per_layer_input").orElse(0);
    writer.putUint32(key("embedding_length_per_layer_input"), inputs);
    boolean[] windows = windows();
    if (config.flag("use_double_wide_mlp")) {
      int[] widths = new int[windows.length];
      Arrays.fill(widths, 2 * config.requireSize("intermediate_size"));
      Arrays.fill(
          widths, 0, windows.length - sharingLayers(), config.requireSize("intermediate_size"));
      writer.putInts(key("feed_forward_length"), widths);
    }
    writer.put(key("attention.sliding_window_pattern"), GgufValue.Array.ofBools(windows));
    config
        .integer("expert_intermediate_size", "moe_intermediate_size")
        .ifPresent(size -> writer.putUint32(key("expert_feed_forward_length"), size));
    putHeads(writer, windows);
  }

  private void putHeads(GgufWriter writer, boolean[] windows) {
    int size = fullHeadLength();
    int sizeInWindow = headLength();
    writer.putUint32(key("attention.key_length"), size);
    writer.putUint32(key("attention.value_length"), size);
    writer.putUint32(key("attention.key_length_swa"), sizeInWindow);
    writer.putUint32(key("attention.value_length_swa"), sizeInWindow);
    writer.putUint32(key("rope.dimension_count"), size);
    OptionalDouble share = config().part("rope_parameters").real("partial_rotary_factor");
    writer.putUint32(key("rope.dimension_count_swa"), (int) (sizeInWindow * share.orElse(1)));
    int heads = ofFullLayers("num_global_key_value_heads", "num_key_value_heads");
    if (heads > 0) {
      int[] perLayer = new int[windows.length];
      for (int i = 0; i < windows.length; i++) {
        perLayer[i] = windows[i] ? keyValueHeads() : heads;
      }
      writer.putInts(key("attention.head_count_kv"), perLayer);
    }
  }

  private boolean[] windows() {
    List<JsonNode> types = config().list("layer_types").orElse(List.of());
    int layers = config().requireSize("num_hidden_layers");
    if (types.size() != layers) {
      throw config()
          .invalid("'layer_types' has %s elements for %s layers".formatted(types.size(), layers));
    }
    boolean[] windows = new boolean[layers];
    for (int i = 0; i < layers; i++) {
      windows[i] = types.get(i).asText().equals("sliding_attention");
    }
    return windows;
  }

  private int fullHeadLength() {
    int size = ofFullLayers("global_head_dim", "head_dim");
    if (size == 0) {
      throw config().invalid("there is no 'global_head_dim', which this model needs");
    }
    return size;
  }

  /// A number of the layers that see everything, under a name of its own or among the settings of
  /// the first such layer; 0 where there is none.
  private int ofFullLayers(String name, String nameInLayer) {
    if (config().has(name)) {
      return config().requireSize(name);
    }
    boolean[] windows = windows();
    for (int i = 0; i < windows.length; i++) {
      Config layer = config().part("per_layer_config").part(Integer.toString(i));
      if (!windows[i] && layer.has(nameInLayer)) {
        return layer.requireSize(nameInLayer);
      }
    }
    return 0;
  }

  /// llama.cpp rotates the first dimensions or none: the frequencies of the others are divided
  /// until nothing moves.
  @Override
  List<OutputTensor> extraTensors(GgufWriter writer) {
    double share = rope().scaling().requireReal("partial_rotary_factor");
    float[] factors = new float[fullHeadLength() / 2];
    Arrays.fill(factors, STILL);
    Arrays.fill(factors, 0, Math.clamp((int) (factors.length * share), 0, factors.length), 1);
    return List.of(
        new OutputTensor.NumberTensor(
            "rope_freqs.weight", WeightRows.of("partial_rotary_factor", factors)));
  }

  @Override
  List<OutputTensor> outputs(String name, StoredWeights weights) {
    if (name.endsWith(".router.scale")) {
      return scale(name, "router.proj.weight", "router.scale", weights);
    }
    return name.endsWith(".router.per_expert_scale")
        ? scale(name, "experts.down_proj.weight", "router.per_expert_scale", weights)
        : super.outputs(name, weights);
  }

  /// A scale that stands beside a matrix under the matrix's name.
  private List<OutputTensor> scale(
      String name, String matrix, String ending, StoredWeights weights) {
    String output = outputName(name.substring(0, name.length() - ending.length()) + matrix);
    return List.of(
        new OutputTensor.NumberTensor(
            output.replaceFirst("\\.weight$", ".scale"), weights.rows(name)));
  }

  @Override
  Vocabulary vocabulary() throws IOException {
    return Vocabulary.gemma4(folder(), namedTokens(), SHOWN);
  }

  /// The special tokens that `tokenizer_config.json` names.
  private Set<String> namedTokens() {
    Set<String> named = new HashSet<>();
    for (Map.Entry<String, JsonNode> entry :
        folder().tokenizerConfig().orElse(config()).json().properties()) {
      if (TOKEN_LISTS.contains(entry.getKey())) {
        entry.getValue().forEach(token -> named.add(content(token)));
      } else if (entry.getKey().endsWith("_token")) {
        named.add(content(entry.getValue()));
      }
    }
    return named;
  }

  private static String content(JsonNode token) {
    return token.isObject() ? token.path("content").asText() : token.asText();
  }

  @Override
  void putSpecialTokens(SpecialTokens special, Vocabulary vocabulary, GgufWriter writer)
      throws IOException {
    super.putSpecialTokens(special, vocabulary, writer);
    writer.putBool("tokenizer.ggml.add_bos_token", true);
    if (folder().architecture().startsWith("Gemma4Unified")) {
      putSuppressed(writer);
    }
  }

  /// Tokens of images and sounds, which the model must not write.
  private void putSuppressed(GgufWriter writer) {
    folder()
        .generationConfig()
        .flatMap(config -> config.list("suppress_tokens"))
        .ifPresent(
            tokens ->
                writer.putInts(
                    "tokenizer.ggml.suppress_tokens",
                    tokens.stream().mapToInt(JsonNode::asInt).toArray()));
  }
}

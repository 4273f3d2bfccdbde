package io.lorikeet.export.peft;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The modules of Hugging Face's model that a base was converted from, and where the base has their
/// weights. Names and orders are those that llama.cpp's `conversion` folder undoes.
final class PeftPlaces {
  private static final Pattern LAYER = Pattern.compile("blk\\.([0-9]+)\\.([a-z_.]+)\\.weight");

  /// Families whose queries and keys are turned in pairs of neighbours, see [PeftOrder#pairs].
  private static final Set<String> PAIRED =
      Set.of("llama", "granite", "granitemoe", "granitehybrid", "smollm3", "mistral3");

  private static final Set<String> OTHERS =
      Set.of(
          "qwen2",
          "qwen3",
          "qwen3moe",
          "qwen35",
          "qwen35moe",
          "qwen3next",
          "gemma",
          "gemma2",
          "gemma3",
          "gemma4",
          "phi3",
          "olmo2",
          "olmoe",
          "lfm2",
          "lfm2moe",
          "glm4",
          "exaone4",
          "seed_oss",
          "ernie4_5",
          "gpt-oss");

  /// Families whose experts are one parameter together, which PEFT adapts as such.
  private static final Set<String> UNNAMED_EXPERTS =
      Set.of("gpt-oss", "gemma4", "granitemoe", "granitehybrid", "qwen35moe", "lfm2moe");

  private static final Map<String, String> MODULES =
      Map.of(
          "attn_q", "self_attn.q_proj",
          "attn_k", "self_attn.k_proj",
          "attn_v", "self_attn.v_proj",
          "attn_output", "self_attn.o_proj",
          "ssm_in", "mamba.in_proj",
          "ssm_out", "mamba.out_proj",
          "ffn_gate", "mlp.gate_proj",
          "ffn_up", "mlp.up_proj",
          "ffn_down", "mlp.down_proj");

  private static final Map<String, String> MODULES_OF_LFM2 =
      Map.of(
          "attn_q", "self_attn.q_proj",
          "attn_k", "self_attn.k_proj",
          "attn_v", "self_attn.v_proj",
          "attn_output", "self_attn.out_proj",
          "shortconv.in_proj", "conv.in_proj",
          "shortconv.out_proj", "conv.out_proj",
          "ffn_gate", "feed_forward.w1",
          "ffn_down", "feed_forward.w2",
          "ffn_up", "feed_forward.w3");

  /// The part of Qwen's mixtures that every token goes through.
  private static final Map<String, String> SHARED =
      Map.of(
          "ffn_gate_shexp", "mlp.shared_expert.gate_proj",
          "ffn_up_shexp", "mlp.shared_expert.up_proj",
          "ffn_down_shexp", "mlp.shared_expert.down_proj");

  private static final Map<String, String> EXPERTS =
      Map.of(
          "ffn_gate_exps", "mlp.experts.%s.gate_proj",
          "ffn_up_exps", "mlp.experts.%s.up_proj",
          "ffn_down_exps", "mlp.experts.%s.down_proj");

  /// Mixtral, whose bases have the architecture `llama`.
  private static final Map<String, String> EXPERTS_OF_LLAMA =
      Map.of(
          "ffn_gate_exps", "block_sparse_moe.experts.%s.w1",
          "ffn_up_exps", "block_sparse_moe.experts.%s.w3",
          "ffn_down_exps", "block_sparse_moe.experts.%s.w2");

  private final GgufFile base;
  private final String architecture;
  private final @Nullable DeltaNetPlaces deltaNet;

  private PeftPlaces(GgufFile base, String architecture) {
    this.base = base;
    this.architecture = architecture;
    deltaNet = DeltaNetPlaces.of(base.metadata(), architecture);
  }

  /// The modules of a base.
  ///
  /// @throws InvalidInputException when those of its architecture aren't known
  static PeftPlaces of(GgufFile base) {
    String architecture = base.metadata().requireString("general.architecture");
    if (!PAIRED.contains(architecture) && !OTHERS.contains(architecture)) {
      Set<String> known = new TreeSet<>(PAIRED);
      known.addAll(OTHERS);
      throw new InvalidInputException(
          "%s has the architecture '%s', whose modules in PEFT aren't known here; known are %s"
              .formatted(base.path(), architecture, String.join(", ", known)));
    }
    return new PeftPlaces(base, architecture);
  }

  /// The places in all of the base's tensors, in its order.
  List<PeftPlace> all() {
    return base.tensors().stream().flatMap(tensor -> of(tensor).stream()).toList();
  }

  /// The modules in a tensor; none for what isn't a matrix that PEFT would adapt.
  List<PeftPlace> of(GgufTensor tensor) {
    if (tensor.name().equals("output.weight")) {
      return List.of(whole("lm_head", tensor));
    }
    if (tensor.name().equals("token_embd.weight")) {
      return List.of(whole("embed_tokens", tensor));
    }
    Matcher layer = LAYER.matcher(tensor.name());
    if (!layer.matches()) {
      return List.of();
    }
    String prefix = "layers." + layer.group(1) + ".";
    int index = Integer.parseInt(layer.group(1));
    String role = layer.group(2);
    if (tensor.shape().size() == 3) {
      return experts(prefix, role, tensor);
    }
    if (deltaNet != null && DeltaNetPlaces.knows(role)) {
      return deltaNet.of(prefix, role, tensor);
    }
    if (architecture.startsWith("lfm2")) {
      String module = MODULES_OF_LFM2.get(role);
      return module == null ? List.of() : List.of(whole(prefix + module, tensor));
    }
    if (hasGraniteNames()) {
      String stem = role.replace("_shexp", "");
      if (stem.equals("ffn_gate") || stem.equals("ffn_up")) {
        return List.of(half(prefix + "shared_mlp.input_linear", tensor, stem.equals("ffn_up")));
      }
      if (stem.equals("ffn_down")) {
        return List.of(whole(prefix + "shared_mlp.output_linear", tensor));
      }
    }
    return switch (role) {
      case "attn_qkv" -> fused(prefix, index, tensor);
      case "attn_q" -> List.of(attention(prefix + MODULES.get(role), tensor, "head_count", index));
      case "attn_k" ->
          List.of(attention(prefix + MODULES.get(role), tensor, "head_count_kv", index));
      case "ffn_up" ->
          List.of(whole(prefix + (gateIsInUp() ? "mlp.gate_up_proj" : MODULES.get(role)), tensor));
      default ->
          Stream.of(MODULES, SHARED)
              .filter(names -> names.containsKey(role))
              .map(names -> whole(prefix + names.get(role), tensor))
              .toList();
    };
  }

  private boolean gateIsInUp() {
    return architecture.equals("phi3") || architecture.equals("glm4");
  }

  /// Granite's mixtures of experts, its hybrids, and those of Granite 4 that are dense, name the
  /// part that every token goes through differently. The latter have sizes of layers that aren't
  /// there, see `GraniteHybridFamily`.
  private boolean hasGraniteNames() {
    return architecture.equals("granitemoe")
        || architecture.equals("granitehybrid")
        || architecture.equals("granite")
            && base.metadata().value("granite.ssm.state_size").isPresent();
  }

  static PeftPlace whole(String module, GgufTensor tensor) {
    return place(module, tensor, length(tensor, 1), PeftOrder.SAME, PeftOrder.SAME);
  }

  /// The first or the second half of a module's rows.
  private static PeftPlace half(String module, GgufTensor tensor, boolean second) {
    int rows = length(tensor, 1);
    return place(module, tensor, 2 * rows, PeftOrder.only(second ? rows : 0, rows), PeftOrder.SAME);
  }

  /// @param rows outputs of the module
  static PeftPlace place(
      String module,
      GgufTensor tensor,
      int rows,
      IntUnaryOperator rowOrder,
      IntUnaryOperator columnOrder) {
    return new PeftPlace(module, tensor.name(), 0, rows, length(tensor, 0), rowOrder, columnOrder);
  }

  private PeftPlace attention(String module, GgufTensor tensor, String headsKey, int layer) {
    int rows = length(tensor, 1);
    return place(module, tensor, rows, rotated(rows, headsKey, layer), PeftOrder.SAME);
  }

  /// Queries, keys and values in one tensor: one module in Phi's models, three elsewhere.
  private List<PeftPlace> fused(String prefix, int layer, GgufTensor tensor) {
    if (architecture.equals("phi3")) {
      return List.of(whole(prefix + "self_attn.qkv_proj", tensor));
    }
    int heads = heads("head_count", layer);
    int keyValueHeads = heads("head_count_kv", layer);
    int headSize = length(tensor, 1) / (heads + 2 * keyValueHeads);
    int queries = heads * headSize;
    int keys = keyValueHeads * headSize;
    IntUnaryOperator queryOrder = rotated(queries, "head_count", layer);
    IntUnaryOperator keyOrder = PeftOrder.from(queries, rotated(keys, "head_count_kv", layer));
    IntUnaryOperator valueOrder = PeftOrder.from(queries + keys, PeftOrder.SAME);
    String attention = prefix + "self_attn.";
    return List.of(
        place(attention + "q_proj", tensor, queries, queryOrder, PeftOrder.SAME),
        place(attention + "k_proj", tensor, keys, keyOrder, PeftOrder.SAME),
        place(attention + "v_proj", tensor, keys, valueOrder, PeftOrder.SAME));
  }

  private List<PeftPlace> experts(String prefix, String role, GgufTensor tensor) {
    String module = (architecture.equals("llama") ? EXPERTS_OF_LLAMA : EXPERTS).get(role);
    if (module == null || UNNAMED_EXPERTS.contains(architecture)) {
      return List.of();
    }
    List<PeftPlace> places = new ArrayList<>();
    for (int expert = 0; expert < length(tensor, 2); expert++) {
      places.add(
          new PeftPlace(
              prefix + module.formatted(expert),
              tensor.name(),
              expert,
              length(tensor, 1),
              length(tensor, 0),
              PeftOrder.SAME,
              PeftOrder.SAME));
    }
    return places;
  }

  private IntUnaryOperator rotated(int rows, String headsKey, int layer) {
    return PAIRED.contains(architecture)
        ? PeftOrder.pairs(rows, heads(headsKey, layer))
        : PeftOrder.SAME;
  }

  /// The number of heads of a layer: one key for all layers, or an array with one for each.
  private int heads(String key, int layer) {
    GgufMetadata metadata = base.metadata();
    String name = architecture + ".attention." + key;
    if (key.equals("head_count_kv") && metadata.value(name).isEmpty()) {
      return heads("head_count", layer);
    }
    if (metadata.value(name).orElse(null) instanceof GgufValue.Array) {
      int[] ofLayers = metadata.requireInts(name);
      return layer < ofLayers.length ? ofLayers[layer] : 0;
    }
    return Math.toIntExact(metadata.requireInteger(name));
  }

  static int length(GgufTensor tensor, int dimension) {
    return dimension < tensor.shape().size() ? Math.toIntExact(tensor.shape().get(dimension)) : 1;
  }
}

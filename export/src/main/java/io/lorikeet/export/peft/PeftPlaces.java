package io.lorikeet.export.peft;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.convert.ModuleNames;
import java.util.List;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The modules of Hugging Face's model that a base was converted from, and where the base has their
/// weights. Names and orders are those that llama.cpp's `conversion` folder undoes.
final class PeftPlaces {
  private static final Pattern LAYER = Pattern.compile("blk\\.([0-9]+)\\.([a-z_.]+)\\.weight");

  /// Families whose experts are one parameter together, which PEFT adapts as such.
  private static final Set<String> UNNAMED_EXPERTS =
      Set.of(
          "gpt-oss",
          "gemma4",
          "granitemoe",
          "granitehybrid",
          "nemotron_h_moe",
          "qwen35moe",
          "qwen3vlmoe",
          "lfm2moe");

  /// Matrices that Lorikeet doesn't train: routers, gates of shared experts, convolutions, norms by
  /// groups, and those of layers that predict further tokens.
  private static final Set<String> NOT_ADAPTED =
      Set.of("ffn_gate_inp", "ffn_gate_inp_shexp", "shortconv.conv", "ssm_norm", "nextn.eh_proj");

  private final GgufFile base;
  private final String architecture;
  private final ModuleNames names;
  private final @Nullable DeltaNetPlaces deltaNet;

  private PeftPlaces(GgufFile base, String architecture) {
    this.base = base;
    this.architecture = architecture;
    names =
        isGranite4(base, architecture) ? ModuleNames.ofGranite4() : ModuleNames.of(architecture);
    deltaNet = DeltaNetPlaces.of(base.metadata(), architecture);
  }

  /// Granite 4's class of hybrids without experts: the bases of those that only attend have sizes
  /// of state spaces, too, see `GraniteHybridFamily`.
  private static boolean isGranite4(GgufFile base, String architecture) {
    return architecture.startsWith("granite")
        && base.metadata().value(architecture + ".ssm.state_size").isPresent()
        && base.tensors().stream().noneMatch(tensor -> tensor.name().endsWith("_exps.weight"));
  }

  /// The modules of a base.
  ///
  /// @throws InvalidInputException when those of its architecture aren't known
  static PeftPlaces of(GgufFile base) {
    String architecture = base.metadata().requireString("general.architecture");
    if (!ModuleNames.architectures().contains(architecture)) {
      throw new InvalidInputException(
          "%s has the architecture '%s', whose modules in PEFT aren't known here; known are %s"
              .formatted(
                  base.path(), architecture, String.join(", ", ModuleNames.architectures())));
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
    if (!layer.matches() || tensor.shape().size() < 2 || NOT_ADAPTED.contains(layer.group(2))) {
      return List.of();
    }
    String prefix = "layers." + layer.group(1) + ".";
    int index = Integer.parseInt(layer.group(1));
    String role = layer.group(2);
    if (role.equals("attn_qkv") && names.module(role).isEmpty()) {
      return fused(prefix, index, tensor);
    }
    if (deltaNet != null && DeltaNetPlaces.knows(role)) {
      return List.of(deltaNet.of(prefix, role, tensor));
    }
    return names.module(role).stream()
        .flatMap(
            share ->
                tensor.shape().size() == 3
                    ? experts(prefix + share.module(), tensor)
                    : Stream.of(matrix(prefix, index, role, share, tensor)))
        .toList();
  }

  private PeftPlace matrix(
      String prefix, int layer, String role, ModuleNames.Share share, GgufTensor tensor) {
    int rows = length(tensor, 1);
    IntUnaryOperator order =
        switch (role) {
          case "attn_q" -> rotated(rows, "head_count", layer);
          case "attn_k" -> rotated(rows, "head_count_kv", layer);
          default ->
              share.count() == 1 ? PeftOrder.SAME : PeftOrder.only(share.index() * rows, rows);
        };
    return place(prefix + share.module(), tensor, share.count() * rows, order, PeftOrder.SAME);
  }

  static PeftPlace whole(String module, GgufTensor tensor) {
    return place(module, tensor, length(tensor, 1), PeftOrder.SAME, PeftOrder.SAME);
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

  /// Queries, keys and values in one tensor, which are three modules.
  private List<PeftPlace> fused(String prefix, int layer, GgufTensor tensor) {
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

  /// @param module with all experts in it
  private Stream<PeftPlace> experts(String module, GgufTensor tensor) {
    if (UNNAMED_EXPERTS.contains(architecture)) {
      return Stream.of();
    }
    String named = module.replace(".experts.", ".experts.%s.");
    return IntStream.range(0, length(tensor, 2))
        .mapToObj(
            expert ->
                new PeftPlace(
                    named.formatted(expert),
                    tensor.name(),
                    expert,
                    length(tensor, 1),
                    length(tensor, 0),
                    PeftOrder.SAME,
                    PeftOrder.SAME));
  }

  private IntUnaryOperator rotated(int rows, String headsKey, int layer) {
    return ModuleNames.turnsPairs(architecture)
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

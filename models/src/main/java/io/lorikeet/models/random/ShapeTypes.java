package io.lorikeet.models.random;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.family.TensorList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The types that the tensors of a quantized model have, as llama.cpp's quantizer chooses them
/// without an importance matrix (`llama-quant.cpp`).
///
/// @param type of most matrices; Q4_K stands for Q4_K_M, Q5_K for Q5_K_M, MXFP4 for MXFP4_MOE
/// @param layers of the model
/// @param valueLayers layers with a matrix that gives values, in their order
/// @param queriesPerKey query heads that share a key
/// @param experts of the model, 0 for none
/// @param tied whether the head is the token embedding
record ShapeTypes(
    TensorType type,
    int layers,
    List<Integer> valueLayers,
    int queriesPerKey,
    int experts,
    boolean tied) {
  private static final Pattern LAYER = Pattern.compile("blk\\.(\\d+)\\.(.*)\\.weight");
  private static final Set<String> VALUES = Set.of("attn_v", "attn_qkv");

  /// Layers of the models that llama.cpp treats as its 70B.
  private static final int LAYERS_OF_70B = 80;

  /// Experts of Mixtral 8x7B, whose attention llama.cpp quantizes less.
  private static final int EXPERTS_OF_MIXTRAL = 8;

  /// The layers among those of these tensors with a matrix that gives values.
  static List<Integer> valueLayers(Collection<String> names) {
    return names.stream()
        .map(LAYER::matcher)
        .filter(matcher -> matcher.matches() && VALUES.contains(matcher.group(2)))
        .map(matcher -> Integer.parseInt(matcher.group(1)))
        .sorted()
        .toList();
  }

  TensorType of(String name, List<Long> shape) {
    if (shape.size() == 1
        || !name.endsWith(".weight")
        || name.contains("ffn_gate_inp")
        || name.endsWith("_norm.weight")
        || TensorList.isKernel(name)) {
      return TensorType.F32;
    }
    TensorType wanted =
        type == TensorType.MXFP4 && shape.size() < 3 ? TensorType.Q8_0 : wanted(name);
    return shape.getFirst() % wanted.blockSize() == 0 ? wanted : ofSmallerBlocks(wanted);
  }

  private TensorType wanted(String name) {
    if (name.equals("per_layer_model_proj.weight") || name.matches(".*(altup|laurel)_.*")) {
      return TensorType.BF16; // which the quantizer leaves as they are
    }
    boolean embedding = name.equals("token_embd.weight") || name.equals(ModelConfig.TOKEN_INPUTS);
    if (name.equals("output.weight") || tied && embedding) {
      return type == TensorType.Q8_0 ? type : TensorType.Q6_K;
    }
    Matcher matcher = LAYER.matcher(name);
    if (!matcher.matches()) {
      return type;
    }
    int layer = Integer.parseInt(matcher.group(1));
    return switch (matcher.group(2)) {
      case "attn_v", "attn_qkv" -> values(layer);
      case "attn_k" -> experts == EXPERTS_OF_MIXTRAL ? TensorType.Q8_0 : type;
      case "attn_output" -> experts == EXPERTS_OF_MIXTRAL && isFourBit() ? TensorType.Q5_K : type;
      case "ffn_down", "ffn_down_exps", "ffn_down_shexp" -> down(layer);
      default -> type;
    };
  }

  private TensorType values(int layer) {
    if (experts == EXPERTS_OF_MIXTRAL) {
      return TensorType.Q8_0;
    }
    return switch (type) {
      case Q4_K, Q5_K -> {
        TensorType less = layers == LAYERS_OF_70B ? TensorType.Q5_K : type;
        boolean more = isMorePrecise(valueLayers.indexOf(layer), valueLayers.size());
        yield more ? TensorType.Q6_K : less;
      }
      case IQ4_NL, IQ4_XS -> queriesPerKey >= 4 ? TensorType.Q5_K : type;
      default -> type;
    };
  }

  private TensorType down(int layer) {
    return switch (type) {
      case Q4_K, Q5_K -> isMorePrecise(layer, layers) ? TensorType.Q6_K : type;
      case IQ4_NL, IQ4_XS -> layer < layers / 8 ? TensorType.Q5_K : type;
      default -> type;
    };
  }

  private boolean isFourBit() {
    return switch (type) {
      case Q4_K, IQ4_NL, IQ4_XS -> true;
      default -> false;
    };
  }

  /// Half of the layers.
  private static boolean isMorePrecise(int layer, int layers) {
    int eighth = layers / 8;
    return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
  }

  /// For rows that no whole number of blocks fills.
  private static TensorType ofSmallerBlocks(TensorType type) {
    return switch (type) {
      case Q2_K, Q3_K -> TensorType.Q4_0;
      case Q4_K -> TensorType.Q5_0;
      case Q5_K -> TensorType.Q5_1;
      case Q6_K -> TensorType.Q8_0;
      default -> TensorType.IQ4_NL;
    };
  }
}

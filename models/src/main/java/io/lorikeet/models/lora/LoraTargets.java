package io.lorikeet.models.lora;

import io.lorikeet.models.architecture.ModelConfig;
import io.lorikeet.quant.InvalidInputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The matrices that can be adapted, by the names people use.
public final class LoraTargets {
  /// The token embedding; its pair is flipped in adapter files.
  public static final String EMBEDDING = "token_embd.weight";

  /// The head.
  public static final String HEAD = "output.weight";

  private static final Map<String, String> LAYER_MATRICES = new LinkedHashMap<>();
  private static final Map<String, List<String>> GROUPS = new LinkedHashMap<>();

  static {
    LAYER_MATRICES.put("q", "attn_q.weight");
    LAYER_MATRICES.put("k", "attn_k.weight");
    LAYER_MATRICES.put("v", "attn_v.weight");
    LAYER_MATRICES.put("o", "attn_output.weight");
    LAYER_MATRICES.put("gate", "ffn_gate.weight");
    LAYER_MATRICES.put("up", "ffn_up.weight");
    LAYER_MATRICES.put("down", "ffn_down.weight");
    GROUPS.put("attention", List.of("q", "k", "v", "o"));
    GROUPS.put("all-linear", List.copyOf(LAYER_MATRICES.keySet()));
  }

  private LoraTargets() {}

  /// Every name that [#resolve] takes.
  public static List<String> names() {
    List<String> names = new ArrayList<>(GROUPS.keySet());
    names.addAll(LAYER_MATRICES.keySet());
    names.add("output");
    names.add("token_embd");
    return names;
  }

  /// The base tensors that the names stand for, in the order of a forward pass.
  ///
  /// @throws InvalidInputException for unknown names, and for `output` and `token_embd` of a base
  ///     whose head is its token embedding
  public static List<String> resolve(List<String> targets, ModelConfig config) {
    Set<String> matrices = new LinkedHashSet<>();
    for (String target : targets) {
      if (!names().contains(target)) {
        throw new InvalidInputException(
            "unknown target '%s'; known are %s".formatted(target, String.join(", ", names())));
      }
      matrices.addAll(GROUPS.getOrDefault(target, List.of(target)));
    }
    boolean embedding = matrices.contains("token_embd");
    boolean head = matrices.contains("output");
    if (config.tied() && (embedding || head)) {
      throw new InvalidInputException(
          "this base uses its token embedding as its head, so '%s' can't be adapted on its own: "
                  .formatted(head ? "output" : "token_embd")
              + "llama.cpp would apply the pair to both; leave it out of the targets");
    }
    List<String> tensors = new ArrayList<>();
    if (embedding) {
      tensors.add(EMBEDDING);
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      for (Map.Entry<String, String> matrix : LAYER_MATRICES.entrySet()) {
        if (matrices.contains(matrix.getKey())) {
          tensors.add("blk." + layer + "." + matrix.getValue());
        }
      }
    }
    if (head) {
      tensors.add(HEAD);
    }
    return tensors;
  }
}

package io.lorikeet.models.lora;

import io.lorikeet.models.family.Family;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
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

  /// The names people use, by the names of a layer's tensors, in the order of a forward pass.
  private static final Map<String, String> LAYER_MATRICES = new LinkedHashMap<>();

  private static final Map<String, List<String>> GROUPS = new LinkedHashMap<>();

  static {
    LAYER_MATRICES.put("attn_q", "q");
    LAYER_MATRICES.put("attn_k", "k");
    LAYER_MATRICES.put("attn_v", "v");
    LAYER_MATRICES.put("attn_qkv", "qkv");
    LAYER_MATRICES.put("attn_output", "o");
    LAYER_MATRICES.put("attn_gate", "attn_gate");
    LAYER_MATRICES.put("ssm_beta", "ssm_beta");
    LAYER_MATRICES.put("ssm_alpha", "ssm_alpha");
    LAYER_MATRICES.put("ssm_ba", "ssm_ba");
    LAYER_MATRICES.put("ssm_in", "ssm_in");
    LAYER_MATRICES.put("ssm_out", "ssm_out");
    LAYER_MATRICES.put("in_proj", "in_proj");
    LAYER_MATRICES.put("out_proj", "out_proj");
    LAYER_MATRICES.put("ffn_gate", "gate");
    LAYER_MATRICES.put("ffn_up", "up");
    LAYER_MATRICES.put("ffn_down", "down");
    LAYER_MATRICES.put("ffn_gate_exps", "gate_exps");
    LAYER_MATRICES.put("ffn_up_exps", "up_exps");
    LAYER_MATRICES.put("ffn_gate_up_exps", "gate_up_exps");
    LAYER_MATRICES.put("ffn_down_exps", "down_exps");
    LAYER_MATRICES.put("ffn_gate_shexp", "gate_shexp");
    LAYER_MATRICES.put("ffn_up_shexp", "up_shexp");
    LAYER_MATRICES.put("ffn_down_shexp", "down_shexp");
    LAYER_MATRICES.put("laurel_l", "laurel_l");
    LAYER_MATRICES.put("laurel_r", "laurel_r");
    LAYER_MATRICES.put("inp_gate", "inp_gate");
    LAYER_MATRICES.put("proj", "proj");
    GROUPS.put("experts", List.of("gate_exps", "up_exps", "gate_up_exps", "down_exps"));
    GROUPS.put(
        "attention",
        List.of(
            "q",
            "k",
            "v",
            "qkv",
            "o",
            "attn_gate",
            "ssm_beta",
            "ssm_alpha",
            "ssm_ba",
            "ssm_in",
            "ssm_out",
            "in_proj",
            "out_proj"));
    GROUPS.put("all-linear", List.copyOf(LAYER_MATRICES.values()));
  }

  private LoraTargets() {}

  /// Every name that [#resolve] takes.
  public static List<String> names() {
    List<String> names = new ArrayList<>(GROUPS.keySet());
    names.addAll(LAYER_MATRICES.values());
    names.add("output");
    names.add("token_embd");
    return names;
  }

  /// The names of groups.
  public static List<String> groups() {
    return List.copyOf(GROUPS.keySet());
  }

  /// The names that stand for matrices of a layer that bases of this family can have, groups left
  /// out.
  public static List<String> of(Family family) {
    Set<String> names = new LinkedHashSet<>();
    family.layerMatrices().forEach(tensor -> names.add(nameOf(tensor)));
    return List.copyOf(names);
  }

  /// The names that stand for matrices of this base, groups left out.
  public static List<String> of(ModelConfig config) {
    Set<String> names = new LinkedHashSet<>();
    config.matrices().forEach(tensor -> names.add(nameOf(tensor)));
    return List.copyOf(names);
  }

  /// The short name of a tensor: `q` for `blk.3.attn_q.weight`.
  public static String nameOf(String tensor) {
    String role = FixedMatrices.roleOf(tensor);
    return LAYER_MATRICES.getOrDefault(role, role);
  }

  /// Every base tensor that can be adapted.
  public static List<String> trainable(ModelConfig config) {
    List<String> targets = new ArrayList<>(of(config));
    if (!config.tied()) {
      targets.add("output");
    }
    if (config.adaptsEmbedding()) {
      targets.add("token_embd");
    }
    return resolve(targets, config);
  }

  /// Refuses an adapter of which a part would be ignored.
  ///
  /// @param setting that names it, for the message
  /// @throws InvalidInputException when it adapts what can't be adapted here, with all such weights
  public static void requireTrainable(LoraAdapter adapter, ModelConfig config, String setting) {
    List<String> trainable = trainable(config);
    List<String> others =
        adapter.pairs().stream()
            .map(LoraPair::baseTensor)
            .filter(name -> !trainable.contains(name))
            .toList();
    if (!others.isEmpty()) {
      throw InvalidInputException.of(
          setting + ": it adapts what can't be trained on this base", others);
    }
  }

  /// The base tensors that the names stand for, in the order of a forward pass. Of a group, those
  /// that the base has.
  ///
  /// @throws InvalidInputException for names that are unknown, that stay as they are or that the
  ///     base has nothing for, and for `output` and `token_embd` of a base whose head is its token
  /// embedding
  public static List<String> resolve(List<String> targets, ModelConfig config) {
    Set<String> wanted = new LinkedHashSet<>();
    List<String> offered = of(config);
    for (String target : targets) {
      requireKnown(target, offered);
      wanted.addAll(GROUPS.getOrDefault(target, List.of(target)));
    }
    boolean embedding = wanted.contains("token_embd");
    boolean head = wanted.contains("output");
    if (config.tied() && (embedding || head)) {
      throw new InvalidInputException(
          "this base uses its token embedding as its head, so '%s' can't be adapted on its own: "
                  .formatted(head ? "output" : "token_embd")
              + "llama.cpp would apply the pair to both; leave it out of the targets");
    }
    if (embedding && !config.adaptsEmbedding()) {
      throw new InvalidInputException(
          "this base computes inputs of all its layers from its token embedding, so 'token_embd'"
              + " can't be adapted; leave it out of the targets");
    }
    for (String target : targets) {
      if (LAYER_MATRICES.containsValue(target) && !offered.contains(target)) {
        throw new InvalidInputException(
            "this base (%s) has no matrix for the target '%s'; it has %s"
                .formatted(config.architecture(), target, String.join(", ", offered)));
      }
    }
    List<String> tensors = new ArrayList<>();
    if (embedding) {
      tensors.add(EMBEDDING);
    }
    config.matrices().stream().filter(name -> wanted.contains(nameOf(name))).forEach(tensors::add);
    return tensors;
  }

  private static void requireKnown(String target, List<String> offered) {
    FixedMatrices.reason(target)
        .ifPresent(
            reason -> {
              throw new InvalidInputException(
                  "'%s' is no target: %s; this base has %s"
                      .formatted(target, reason, String.join(", ", offered)));
            });
    if (!names().contains(target)) {
      throw new InvalidInputException(
          "unknown target '%s'; known are %s%s"
              .formatted(target, String.join(", ", names()), NearestName.hint(target, names())));
    }
  }
}

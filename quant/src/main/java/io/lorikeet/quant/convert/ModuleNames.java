package io.lorikeet.quant.convert;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// The names of a layer's parts in Hugging Face's models and in GGUF, by families: the one table
/// that models are converted by, and adapters of PEFT imported and exported.
///
/// A line of the table has a module without the path to its layer, and the tensor or the tensors,
/// without `blk.N.` and `.weight`, that hold its rows one after the other, in equal shares. Of
/// several modules for a tensor the first is PEFT's; the others are stored in other folders.
public final class ModuleNames {
  private static final String USUAL =
      """
      input_layernorm            attn_norm
      self_attn.q_proj           attn_q
      self_attn.k_proj           attn_k
      self_attn.v_proj           attn_v
      self_attn.o_proj           attn_output
      self_attn.q_norm           attn_q_norm
      self_attn.k_norm           attn_k_norm
      post_attention_layernorm   ffn_norm
      mlp.gate_proj              ffn_gate
      mlp.up_proj                ffn_up
      mlp.down_proj              ffn_down
      mlp.gate                   ffn_gate_inp
      mlp.experts.gate_proj      ffn_gate_exps
      mlp.experts.up_proj        ffn_up_exps
      mlp.experts.down_proj      ffn_down_exps
      mlp.experts.gate_up_proj   ffn_gate_exps ffn_up_exps
      """;

  private static final String FUSED_FEED_FORWARD =
      """
      mlp.gate_up_proj           ffn_up
      """;

  private static final String LLAMA =
      """
      block_sparse_moe.gate        ffn_gate_inp
      block_sparse_moe.experts.w1  ffn_gate_exps
      block_sparse_moe.experts.w2  ffn_down_exps
      block_sparse_moe.experts.w3  ffn_up_exps
      """;

  private static final String STATE_SPACES =
      """
      mamba.in_proj              ssm_in
      mamba.conv1d               ssm_conv1d
      mamba.dt_bias              ssm_dt
      mamba.A_log                ssm_a
      mamba.D                    ssm_d
      mamba.norm                 ssm_norm
      mamba.out_proj             ssm_out
      """;

  private static final String NEMOTRON =
      """
      norm                               attn_norm
      mixer.in_proj                      ssm_in
      mixer.conv1d                       ssm_conv1d
      mixer.dt_bias                      ssm_dt
      mixer.A_log                        ssm_a
      mixer.D                            ssm_d
      mixer.norm                         ssm_norm
      mixer.out_proj                     ssm_out
      mixer.q_proj                       attn_q
      mixer.k_proj                       attn_k
      mixer.v_proj                       attn_v
      mixer.o_proj                       attn_output
      mixer.up_proj                      ffn_up
      mixer.down_proj                    ffn_down
      mixer.gate                         ffn_gate_inp
      mixer.gate.e_score_correction      exp_probs_b
      mixer.experts.up_proj              ffn_up_exps
      mixer.experts.down_proj            ffn_down_exps
      mixer.shared_experts.up_proj       ffn_up_shexp
      mixer.shared_experts.down_proj     ffn_down_shexp
      """;

  private static final String GRANITE_EXPERTS =
      """
      block_sparse_moe.router.layer    ffn_gate_inp
      block_sparse_moe.input_linear    ffn_gate_exps ffn_up_exps
      block_sparse_moe.output_linear   ffn_down_exps
      shared_mlp.input_linear          ffn_gate_shexp ffn_up_shexp
      shared_mlp.output_linear         ffn_down_shexp
      """;

  /// Granite 4 without experts: the part that every token goes through is all there is.
  private static final String GRANITE_SHARED =
      STATE_SPACES
          + """
          shared_mlp.input_linear        ffn_gate ffn_up
          shared_mlp.output_linear       ffn_down
          """;

  private static final String NORMS_AFTER =
      """
      post_attention_layernorm     post_attention_norm
      post_feedforward_layernorm   post_ffw_norm
      """;

  private static final String GEMMA =
      NORMS_AFTER
          + """
          pre_feedforward_layernorm    ffn_norm
          """;

  private static final String MUSE =
      GEMMA
          + """
          self_attn.gate_proj          attn_gate
          """;

  private static final String GEMMA_3N =
      GEMMA
          + """
          laurel.linear_left           laurel_l
          laurel.linear_right          laurel_r
          laurel.post_laurel_norm      laurel_post_norm
          per_layer_input_gate         inp_gate
          per_layer_projection         proj
          post_per_layer_input_norm    post_norm
          altup.router_norm            altup_router_norm
          altup.modality_router        altup_router
          altup.prediction_coefs       altup_predict_coef
          altup.correction_coefs       altup_correct_coef
          altup.correct_output_scale   altup_correct_scale
          """;

  private static final String GEMMA_4 =
      GEMMA
          + """
          layer_scalar                   layer_output_scale
          per_layer_input_gate           inp_gate
          per_layer_projection           proj
          post_per_layer_input_norm      post_norm
          router.proj                    ffn_gate_inp
          experts.gate_up_proj           ffn_gate_up_exps
          experts.down_proj              ffn_down_exps
          post_feedforward_layernorm_1   post_ffw_norm_1
          pre_feedforward_layernorm_2    pre_ffw_norm_2
          post_feedforward_layernorm_2   post_ffw_norm_2
          """;

  private static final String SEED_OSS =
      """
      post_attention_layernorm     post_attention_norm
      """;

  private static final String PHI =
      FUSED_FEED_FORWARD
          + """
          self_attn.qkv_proj         attn_qkv
          """;

  private static final String GLM =
      FUSED_FEED_FORWARD
          + """
          post_self_attn_layernorm   post_attention_norm
          post_mlp_layernorm         post_ffw_norm
          """;

  private static final String ERNIE =
      """
      mlp.up_gate_proj           ffn_gate ffn_up
      """;

  private static final String ERNIE_SHARED =
      """
      mlp.shared_experts.gate_proj   ffn_gate_shexp
      mlp.shared_experts.up_proj     ffn_up_shexp
      mlp.shared_experts.down_proj   ffn_down_shexp
      """;

  private static final String LFM_2 =
      """
      operator_norm              attn_norm
      ffn_norm                   ffn_norm
      self_attn.out_proj         attn_output
      self_attn.q_layernorm      attn_q_norm
      self_attn.k_layernorm      attn_k_norm
      conv.in_proj               shortconv.in_proj
      conv.conv                  shortconv.conv
      conv.out_proj              shortconv.out_proj
      feed_forward.w1            ffn_gate
      feed_forward.w2            ffn_down
      feed_forward.w3            ffn_up
      feed_forward.gate          ffn_gate_inp
      feed_forward.expert_bias   exp_probs_b
      feed_forward.experts.w1    ffn_gate_exps
      feed_forward.experts.w2    ffn_down_exps
      feed_forward.experts.w3    ffn_up_exps
      """;

  private static final String GPT_OSS =
      """
      post_attention_layernorm   post_attention_norm
      self_attn.sinks            attn_sinks
      mlp.router                 ffn_gate_inp
      """;

  private static final String QWEN_SHARED =
      """
      mlp.shared_expert.gate_proj   ffn_gate_shexp
      mlp.shared_expert.up_proj     ffn_up_shexp
      mlp.shared_expert.down_proj   ffn_down_shexp
      mlp.shared_expert_gate        ffn_gate_inp_shexp
      """;

  /// Delta nets, a shared expert, and the layers that predict further tokens.
  private static final String QWEN_WITH_STATES =
      QWEN_SHARED
          + """
      post_attention_layernorm      post_attention_norm
      linear_attn.in_proj_qkv       attn_qkv
      linear_attn.in_proj_z         attn_gate
      linear_attn.in_proj_a         ssm_alpha
      linear_attn.in_proj_b         ssm_beta
      linear_attn.in_proj_ba        ssm_ba
      linear_attn.A_log             ssm_a
      linear_attn.dt_bias           ssm_dt
      linear_attn.conv1d            ssm_conv1d
      linear_attn.norm              ssm_norm
      linear_attn.out_proj          ssm_out
      eh_proj                       nextn.eh_proj
      enorm                         nextn.enorm
      hnorm                         nextn.hnorm
      shared_head.norm              nextn.shared_head_norm
      """;

  /// The lines of each architecture that differ from the usual ones.
  private static final Map<String, String> DIFFERENCES =
      Map.ofEntries(
          Map.entry("llama", LLAMA),
          Map.entry("smollm3", ""),
          Map.entry("mistral3", ""),
          Map.entry("granite", ""),
          Map.entry("granitemoe", GRANITE_EXPERTS),
          Map.entry("granitehybrid", STATE_SPACES + GRANITE_EXPERTS),
          Map.entry("gemma3n", GEMMA_3N),
          Map.entry("muse-glimmer", MUSE),
          Map.entry("nemotron_h", NEMOTRON),
          Map.entry("nemotron_h_moe", NEMOTRON),
          Map.entry("qwen2", ""),
          Map.entry("qwen3", ""),
          Map.entry("qwen2moe", QWEN_SHARED),
          Map.entry("qwen3moe", ""),
          Map.entry("qwen2vl", ""),
          Map.entry("qwen3vl", ""),
          Map.entry("qwen3vlmoe", ""),
          Map.entry("qwen3next", QWEN_WITH_STATES),
          Map.entry("qwen35", QWEN_WITH_STATES),
          Map.entry("qwen35moe", QWEN_WITH_STATES),
          Map.entry("olmoe", ""),
          Map.entry("olmo2", NORMS_AFTER),
          Map.entry("exaone4", NORMS_AFTER),
          Map.entry("gemma", ""),
          Map.entry("gemma2", GEMMA),
          Map.entry("gemma3", GEMMA),
          Map.entry("gemma4", GEMMA_4),
          Map.entry("phi3", PHI),
          Map.entry("glm4", GLM),
          Map.entry("seed_oss", SEED_OSS),
          Map.entry("ernie4_5", ERNIE),
          Map.entry("ernie4_5-moe", ERNIE_SHARED),
          Map.entry("lfm2", LFM_2),
          Map.entry("lfm2moe", LFM_2),
          Map.entry("gpt-oss", GPT_OSS));

  /// Architectures whose queries and keys llama.cpp turns in pairs of neighbours, where
  /// transformers turns halves: their rows have another order.
  private static final Set<String> PAIRED =
      Set.of(
          "llama",
          "granite",
          "granitemoe",
          "granitehybrid",
          "nemotron_h",
          "nemotron_h_moe",
          "muse-glimmer",
          "smollm3",
          "mistral3");

  private static final ModuleNames USUAL_NAMES = new ModuleNames("");

  private static final ModuleNames GRANITE_4 = new ModuleNames(GRANITE_SHARED);

  private static final Map<String, ModuleNames> BY_ARCHITECTURE =
      DIFFERENCES.entrySet().stream()
          .collect(Collectors.toMap(Map.Entry::getKey, each -> new ModuleNames(each.getValue())));

  private final Map<String, List<String>> tensors = new LinkedHashMap<>();
  private final Map<String, Share> modules = new HashMap<>();

  /// A module's share in a tensor.
  ///
  /// @param module the name without the path to its layer
  /// @param index which of the shares of the module's rows the tensor holds
  /// @param count shares of the module
  public record Share(String module, int index, int count) {}

  private ModuleNames(String differences) {
    add(differences);
    add(USUAL);
  }

  /// The first line wins: for a module and for a tensor.
  private void add(String lines) {
    for (String line : lines.lines().toList()) {
      List<String> words = List.of(line.strip().split(" +"));
      String module = words.getFirst();
      List<String> held = words.subList(1, words.size());
      if (tensors.putIfAbsent(module, held) == null) {
        for (int i = 0; i < held.size(); i++) {
          modules.putIfAbsent(held.get(i), new Share(module, i, held.size()));
        }
      }
    }
  }

  /// The architectures of the table, sorted.
  public static SortedSet<String> architectures() {
    return new TreeSet<>(DIFFERENCES.keySet());
  }

  /// The names of an architecture's layers; the usual ones for one that isn't in the table.
  public static ModuleNames of(String architecture) {
    return BY_ARCHITECTURE.getOrDefault(architecture, USUAL_NAMES);
  }

  /// Those of Granite 4's class of hybrids without experts.
  public static ModuleNames ofGranite4() {
    return GRANITE_4;
  }

  /// Whether rows of queries and keys have another order in GGUF, by pairs of neighbours.
  public static boolean turnsPairs(String architecture) {
    return PAIRED.contains(architecture);
  }

  /// The tensors of a module's rows; none for a module that isn't known.
  public List<String> tensors(String module) {
    return tensors.getOrDefault(module, List.of());
  }

  /// The module of a tensor, as PEFT knows it.
  public Optional<Share> module(String tensor) {
    return Optional.ofNullable(modules.get(tensor));
  }
}

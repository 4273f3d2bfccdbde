package io.lorikeet.models.lora;

import java.util.Optional;
import java.util.Set;

/// The matrices of bases that no adapter is trained for, by the names of their tensors.
public final class FixedMatrices {
  /// llama.cpp multiplies with these plainly, or looks their rows up, or adds them.
  private static final Set<String> IGNORED =
      Set.of(
          "per_layer_token_embd",
          "per_layer_model_proj",
          "altup_proj",
          "altup_unembd_proj",
          "altup_router",
          "ssm_conv1d",
          "conv", // shortconv.conv
          "ssm_a",
          "ssm_d",
          "ssm_norm");

  /// llama.cpp applies adapters to these, but they aren't trained.
  private static final Set<String> UNTRAINED =
      Set.of("ffn_gate_inp", "altup_predict_coef", "altup_correct_coef");

  private FixedMatrices() {}

  /// Whether llama.cpp ignores a pair for a tensor of this name without a word.
  public static boolean isIgnored(String tensor) {
    return IGNORED.contains(roleOf(tensor)) || tensor.endsWith("_exps.bias");
  }

  /// Whether llama.cpp applies pairs for a tensor of this name, though none are trained.
  public static boolean isUntrained(String tensor) {
    return UNTRAINED.contains(roleOf(tensor));
  }

  /// Why a target can't be trained, where it names a matrix that stays as it is.
  static Optional<String> reason(String target) {
    if (IGNORED.contains(target)) {
      return Optional.of("llama.cpp ignores adapters on it");
    }
    return UNTRAINED.contains(target)
        ? Optional.of("it stays as it is in training, though llama.cpp would adapt it")
        : Optional.empty();
  }

  /// The part of a tensor's name that tells its kind: `attn_q` of `blk.3.attn_q.weight`.
  public static String roleOf(String tensor) {
    String[] parts = tensor.split("\\.");
    String last = parts[parts.length - 1];
    return last.equals("weight") || last.equals("bias") ? parts[parts.length - 2] : last;
  }
}

package io.lorikeet.export.peft;

import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.convert.ModuleNames;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/// The modules of a gated delta net (`linear_attn` in Hugging Face's models).
///
/// @param together whether queries, keys, values and their gate are one module, Qwen3-Next's
/// @param keyHeads heads of queries and of keys
/// @param valueHeads heads of values
/// @param headSize elements of any head
record DeltaNetPlaces(boolean together, int keyHeads, int valueHeads, int headSize) {
  private static final Set<String> FAMILIES = Set.of("qwen35", "qwen35moe", "qwen3next");

  private static final Set<String> MATRICES =
      Set.of("attn_qkv", "attn_gate", "ssm_alpha", "ssm_beta", "ssm_ba", "ssm_out");

  /// @return null for a family without delta nets
  static @Nullable DeltaNetPlaces of(GgufMetadata metadata, String architecture) {
    if (!FAMILIES.contains(architecture)) {
      return null;
    }
    String prefix = architecture + ".ssm.";
    return new DeltaNetPlaces(
        architecture.equals("qwen3next"),
        Math.toIntExact(metadata.requireInteger(prefix + "group_count")),
        Math.toIntExact(metadata.requireInteger(prefix + "time_step_rank")),
        Math.toIntExact(metadata.requireInteger(prefix + "state_size")));
  }

  static boolean knows(String role) {
    return MATRICES.contains(role);
  }

  PeftPlace of(String prefix, String role, GgufTensor tensor) {
    return together ? ofTogether(prefix, role, tensor) : ofTiled(prefix, role, tensor);
  }

  private static String module(String prefix, String role) {
    return prefix + ModuleNames.of("qwen35").module(role).orElseThrow().module();
  }

  /// Qwen3-Next's modules have value heads in the file's order. `in_proj_qkvz` has by key head its
  /// query, its key, its values and their gates.
  private PeftPlace ofTogether(String prefix, String role, GgufTensor tensor) {
    int values = valueHeads / keyHeads * headSize;
    int group = 2 * headSize + 2 * values;
    int gate = 2 * headSize + values;
    IntUnaryOperator order =
        switch (role) {
          case "attn_qkv" ->
              row -> {
                int in = row % group;
                int head = row / group;
                return in >= gate
                    ? -1
                    : in < headSize
                        ? head * headSize + in
                        : in < 2 * headSize
                            ? (keyHeads + head) * headSize + in - headSize
                            : 2 * keyHeads * headSize + head * values + in - 2 * headSize;
              };
          case "attn_gate" ->
              row -> row % group < gate ? -1 : row / group * values + row % group - gate;
          default -> null;
        };
    return order == null
        ? PeftPlaces.whole(module(prefix, role), tensor)
        : PeftPlaces.place(
            prefix + "linear_attn.in_proj_qkvz", tensor, keyHeads * group, order, PeftOrder.SAME);
  }

  private PeftPlace ofTiled(String prefix, String role, GgufTensor tensor) {
    String module = module(prefix, role);
    int rows = PeftPlaces.length(tensor, 1);
    IntUnaryOperator none = PeftOrder.SAME;
    return switch (role) {
      case "attn_qkv" ->
          PeftPlaces.place(module, tensor, rows, values(2 * keyHeads * headSize, headSize), none);
      case "attn_gate" -> PeftPlaces.place(module, tensor, rows, values(0, headSize), none);
      case "ssm_out" -> PeftPlaces.place(module, tensor, rows, none, values(0, headSize));
      default -> PeftPlaces.place(module, tensor, rows, values(0, 1), none);
    };
  }

  private IntUnaryOperator values(int before, int length) {
    return PeftOrder.valueHeads(before, keyHeads, valueHeads, length);
  }
}

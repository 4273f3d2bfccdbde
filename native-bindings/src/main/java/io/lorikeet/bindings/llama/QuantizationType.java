package io.lorikeet.bindings.llama;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The results of [LlamaQuantizer]: libllama's file types (`enum llama_ftype`), under the names
/// that llama.cpp's `llama-quantize` gives them. Most are recipes that give different tensors
/// different types.
public enum QuantizationType {
  F32(0),
  F16(1),
  BF16(32),
  Q8_0(7),
  Q6_K(18),
  Q5_K_M(17),
  Q5_K_S(16),
  Q5_1(9),
  Q5_0(8),
  Q4_K_M(15),
  Q4_K_S(14),
  Q4_1(3),
  Q4_0(2),
  IQ4_NL(25),
  IQ4_XS(30),
  MXFP4_MOE(38),
  Q3_K_L(13),
  Q3_K_M(12),
  Q3_K_S(11),
  IQ3_M(27),
  IQ3_S(26),
  IQ3_XS(22),
  IQ3_XXS(23),
  Q2_K(10),
  Q2_K_S(21),
  IQ2_M(29),
  IQ2_S(28),
  IQ2_XS(20),
  IQ2_XXS(19),
  Q2_0(41),
  TQ2_0(37),
  TQ1_0(36),
  IQ1_M(31),
  IQ1_S(24),
  Q1_0(40);

  private final int id;

  QuantizationType(int id) {
    this.id = id;
  }

  /// The type of this name, in any case; `Q3_K`, `Q4_K` and `Q5_K` are their `_M`.
  public static Optional<QuantizationType> byName(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    String full = List.of("Q3_K", "Q4_K", "Q5_K").contains(upper) ? upper + "_M" : upper;
    return Arrays.stream(values()).filter(type -> type.name().equals(full)).findFirst();
  }

  /// The value of `enum llama_ftype`.
  public int id() {
    return id;
  }

  /// Whether libllama wants an importance matrix for it, measured on a text: without one the result
  /// would be useless.
  public boolean needsImportanceMatrix() {
    return switch (this) {
      case IQ3_XXS, IQ3_XS, Q2_K_S, IQ2_M, IQ2_S, IQ2_XS, IQ2_XXS, IQ1_M, IQ1_S -> true;
      default -> false;
    };
  }
}

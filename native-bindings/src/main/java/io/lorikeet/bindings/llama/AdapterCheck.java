package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.ggml.Ggml;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Assertions of libllama and ggml on an adapter while loading and applying it
/// (`src/llama-adapter.cpp`, `llm_graph_context::build_lora_mm`). Conditions that libllama refuses
/// with a message are left to it.
final class AdapterCheck {
  private static final List<String> STRINGS =
      List.of("general.type", "general.architecture", "adapter.type");

  private AdapterCheck() {}

  /// @param model the model's file; where it is split, what is in the other parts isn't checked
  /// @throws GgmlException naming what the process would end for
  static void check(Path file, Path model) {
    try (NativeGgufHeader header = new NativeGgufHeader(file)) {
      for (String key : STRINGS) {
        header.requireType(key, Ggml.GGUF_TYPE_STRING(), "string");
      }
      header.requireType("adapter.lora.alpha", Ggml.GGUF_TYPE_FLOAT32(), "float32");
      Map<String, Long> experts = experts(model);
      Map<String, Long> ranks = new HashMap<>();
      for (long tensor = 0; tensor < header.tensors(); tensor++) {
        checkTensor(header, tensor, ranks, experts);
      }
    }
  }

  /// How many experts each of the model's tensors holds matrices for, where there are several:
  /// libllama would read beyond an adapter's that has fewer.
  private static Map<String, Long> experts(Path model) {
    Map<String, Long> experts = new HashMap<>();
    try (NativeGgufHeader header = new NativeGgufHeader(model)) {
      for (long tensor = 0; tensor < header.tensors(); tensor++) {
        long count = header.tensorShape(tensor)[2];
        if (count > 1) {
          experts.put(header.tensorName(tensor), count);
        }
      }
    }
    return experts;
  }

  private static void checkTensor(
      NativeGgufHeader header, long tensor, Map<String, Long> ranks, Map<String, Long> experts) {
    String name = header.tensorName(tensor);
    boolean a = name.endsWith(".lora_a");
    if (!a && !name.endsWith(".lora_b")) {
      return;
    }
    long[] shape = header.tensorShape(tensor);
    Optional<TensorType> type = TensorType.byId(header.tensorType(tensor));
    String base = name.substring(0, name.length() - ".lora_a".length());
    long matrices = experts.getOrDefault(base, 1L);
    boolean several = shape[2] != 1 && matrices == 1;
    if (several || shape[3] != 1 || shape[0] < 1 || shape[1] < 1) {
      throw refused(header, name, "is not a matrix");
    }
    if (shape[2] != matrices) {
      throw refused(
          header, name, "holds " + shape[2] + " matrices; the model has " + matrices + " there");
    }
    if (type.filter(AdapterCheck::multiplies).isEmpty()) {
      throw refused(header, name, "has a type that ggml can't multiply with");
    }
    // The pair of the embeddings is flipped, so that both of its matrices have the rank first.
    long rank = a && !base.endsWith("token_embd.weight") ? shape[1] : shape[0];
    Long other = ranks.putIfAbsent(base, rank);
    if (other != null && other != rank) {
      throw refused(header, name, "has rank " + rank + ", the other matrix of its pair " + other);
    }
  }

  private static boolean multiplies(TensorType type) {
    return switch (type) {
      case I8, I16, I32, I64, F64, Q8_1, Q8_K -> false;
      default -> true;
    };
  }

  private static GgmlException refused(NativeGgufHeader header, String name, String what) {
    return new GgmlException(
        "llama.cpp can't load the adapter " + header.file() + ": its tensor " + name + " " + what);
  }
}

package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_init_params;
import io.lorikeet.ggml.ggml_tensor;
import io.lorikeet.ggml.ggml_type_traits;
import io.lorikeet.llama.Llama;
import io.lorikeet.llama.llama_batch;
import io.lorikeet.llama.llama_context_params;
import io.lorikeet.llama.llama_model_params;
import io.lorikeet.llama.llama_model_quantize_params;
import io.lorikeet.llama.llama_sampler_chain_params;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/// Checks that loaded libraries are the ones the bindings were generated for. Struct layouts belong
/// to one version of the headers: with others, fields would be read and written in wrong places.
///
/// The first two numbers of ggml's version must agree, and then each struct that Lorikeet reads or
/// fills must show values that are known at the offsets where the bindings look for them.
final class AbiCheck {
  private static final int TENSOR_OBJECT_BYTES = 32; // struct ggml_object, in ggml.c

  private final List<String> differences = new ArrayList<>();

  private AbiCheck() {}

  /// The loaded ggml's version.
  ///
  /// @throws GgmlException when its first two numbers aren't those of the bindings
  static String requireGgmlVersion(NativeLocation location) {
    String version = ggmlVersion();
    if (!minor(version).equals(minor(NativeLibrary.GGML_VERSION))) {
      throw new GgmlException(
          "ggml in "
              + location
              + " is version "
              + version
              + ", and Lorikeet's bindings are for "
              + minor(NativeLibrary.GGML_VERSION)
              + ".x: use the libraries of llama.cpp "
              + NativeLibrary.LLAMA_VERSION);
    }
    return version;
  }

  /// `0.25` of `0.25.1`.
  static String minor(String version) {
    String[] numbers = version.split("\\.", 3);
    return numbers.length < 2 ? version : numbers[0] + "." + numbers[1];
  }

  private static String ggmlVersion() {
    // Looked up by hand: the bindings' own class can't be used while the function may be missing.
    return SymbolLookup.loaderLookup()
        .find("ggml_version")
        .map(
            address -> {
              AddressLayout text = ValueLayout.ADDRESS;
              try {
                return ((MemorySegment)
                        Linker.nativeLinker()
                            .downcallHandle(address, FunctionDescriptor.of(text))
                            .invokeExact())
                    .reinterpret(Long.MAX_VALUE)
                    .getString(0);
              } catch (Throwable e) {
                throw new AssertionError(e);
              }
            })
        .orElse("unknown (too old to say)");
  }

  /// @throws GgmlException when ggml's structs or types aren't those of the bindings
  static void requireGgmlLayouts(NativeLocation location) {
    AbiCheck check = new AbiCheck();
    check.types();
    check.tensor();
    check.refuse("ggml", Ggml.ggml_version().getString(0), NativeLibrary.GGML_VERSION, location);
  }

  /// @throws GgmlException when llama.cpp's structs aren't those of the bindings
  static void requireLlamaLayouts(NativeLocation location) {
    AbiCheck check = new AbiCheck();
    check.llamaParameters();
    check.llamaBatch();
    check.refuse(
        "llama.cpp", Llama.llama_version().getString(0), NativeLibrary.LLAMA_VERSION, location);
  }

  private void refuse(String library, String version, String expected, NativeLocation location) {
    if (!differences.isEmpty()) {
      throw new GgmlException(
          library
              + " in "
              + location
              + ", version "
              + version
              + ", has other memory layouts than version "
              + expected
              + ", which Lorikeet's bindings are for: "
              + String.join(", ", differences));
    }
  }

  private void expect(String what, long expected, long actual) {
    expect(what, Long.toString(expected), Long.toString(actual));
  }

  private void expect(String what, boolean expected, boolean actual) {
    expect(what, Boolean.toString(expected), Boolean.toString(actual));
  }

  private void expect(String what, String expected, String actual) {
    if (!expected.equals(actual)) {
      differences.add(what + " is " + actual + " instead of " + expected);
    }
  }

  private void types() {
    for (TensorType type : TensorType.values()) {
      String name = "type " + type.ggmlName();
      MemorySegment traits = Ggml.ggml_get_type_traits(type.id());
      expect(name + "'s block", type.blockSize(), ggml_type_traits.blck_size(traits));
      expect(name + "'s size", type.blockBytes(), ggml_type_traits.type_size(traits));
      expect(name + "'s name", type.ggmlName(), ggml_type_traits.type_name(traits).getString(0));
    }
  }

  /// Makes a scaled view of a tensor, in which every field has a value that is known.
  private void tensor() {
    long overhead = Ggml.ggml_tensor_overhead();
    expect(
        "the size of ggml_tensor", ggml_tensor.layout().byteSize(), overhead - TENSOR_OBJECT_BYTES);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment parameters = ggml_init_params.allocate(arena);
      ggml_init_params.mem_size(parameters, 8 * overhead);
      ggml_init_params.mem_buffer(parameters, MemorySegment.NULL);
      ggml_init_params.no_alloc(parameters, true);
      MemorySegment context = Ggml.ggml_init(parameters);
      expect("no_alloc", true, Ggml.ggml_get_no_alloc(context));
      try {
        MemorySegment whole = Ggml.ggml_new_tensor_4d(context, TensorType.F16.id(), 3, 5, 7, 11);
        MemorySegment view = Ggml.ggml_view_2d(context, whole, 2, 4, 6, 24);
        MemorySegment sum = Ggml.ggml_scale_bias(context, view, 0.5f, 0.25f);
        Ggml.ggml_set_name(sum, arena.allocateFrom("layouts"));
        Ggml.ggml_set_output(sum);
        expectWhole(whole);
        expect("view_src", whole.address(), ggml_tensor.view_src(view).address());
        expect("view_offs", 24, ggml_tensor.view_offs(view));
        expect("op", Ggml.GGML_OP_SCALE(), ggml_tensor.op(sum));
        expect("op_params", Float.floatToIntBits(0.25f), ggml_tensor.op_params(sum, 1));
        expect("src", view.address(), ggml_tensor.src(sum, 0).address());
        expect("flags", Ggml.GGML_TENSOR_FLAG_OUTPUT(), ggml_tensor.flags(sum));
        expect("name", "layouts", ggml_tensor.name(sum).getString(0));
      } finally {
        Ggml.ggml_free(context);
      }
    }
  }

  private void expectWhole(MemorySegment tensor) {
    expect("type", TensorType.F16.id(), ggml_tensor.type(tensor));
    long[] elements = {3, 5, 7, 11};
    long[] strides = {2, 6, 30, 210};
    for (int i = 0; i < 4; i++) {
      expect("ne[" + i + "]", elements[i], ggml_tensor.ne(tensor, i));
      expect("nb[" + i + "]", strides[i], ggml_tensor.nb(tensor, i));
    }
    expect("buffer", 0, ggml_tensor.buffer(tensor).address());
    expect("data", 0, ggml_tensor.data(tensor).address());
    expect("extra", 0, ggml_tensor.extra(tensor).address());
  }

  /// Default values as in llama.cpp's `llama_…_default_params`, from the first field to the last.
  private void llamaParameters() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment model = Llama.llama_model_default_params(arena);
      expect("n_gpu_layers", -1, llama_model_params.n_gpu_layers(model));
      expect("split_mode", Llama.LLAMA_SPLIT_MODE_LAYER(), llama_model_params.split_mode(model));
      expect("kv_overrides", 0, llama_model_params.kv_overrides(model).address());
      expect("vocab_only", false, llama_model_params.vocab_only(model));
      expect("use_extra_bufts", true, llama_model_params.use_extra_bufts(model));

      MemorySegment context = Llama.llama_context_default_params(arena);
      expect("n_ctx", 512, llama_context_params.n_ctx(context));
      expect("n_batch", 2048, llama_context_params.n_batch(context));
      expect("n_seq_max", 1, llama_context_params.n_seq_max(context));
      expect("flash_attn_type", -1, llama_context_params.flash_attn_type(context));
      expect("defrag_thold", -1, (long) llama_context_params.defrag_thold(context));
      expect("type_k", TensorType.F16.id(), llama_context_params.type_k(context));
      expect("type_v", TensorType.F16.id(), llama_context_params.type_v(context));
      expect("embeddings", false, llama_context_params.embeddings(context));
      expect("no_perf", true, llama_context_params.no_perf(context));
      expect("kv_unified", false, llama_context_params.kv_unified(context));
      expect("n_samplers", 0, llama_context_params.n_samplers(context));

      MemorySegment quantize = Llama.llama_model_quantize_default_params(arena);
      expect("ftype", Llama.LLAMA_FTYPE_MOSTLY_Q8_0(), llama_model_quantize_params.ftype(quantize));
      expect(
          "quantize_output_tensor",
          true,
          llama_model_quantize_params.quantize_output_tensor(quantize));
      expect("pure", false, llama_model_quantize_params.pure(quantize));

      MemorySegment chain = Llama.llama_sampler_chain_default_params(arena);
      expect("sampler's no_perf", true, llama_sampler_chain_params.no_perf(chain));
    }
  }

  private void llamaBatch() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment batch = Llama.llama_batch_init(arena, 4, 0, 1);
      expect("batch.n_tokens", 0, llama_batch.n_tokens(batch));
      expect("batch.embd", 0, llama_batch.embd(batch).address());
      boolean allocated =
          llama_batch.token(batch).address() != 0
              && llama_batch.pos(batch).address() != 0
              && llama_batch.n_seq_id(batch).address() != 0
              && llama_batch.seq_id(batch).address() != 0
              && llama_batch.logits(batch).address() != 0;
      expect("batch's arrays", true, allocated);
      Llama.llama_batch_free(batch);
    }
  }
}

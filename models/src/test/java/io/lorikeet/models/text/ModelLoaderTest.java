package io.lorikeet.models.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.NativeGguf;
import io.lorikeet.bindings.llama.UnusableModelException;
import io.lorikeet.bindings.llama.VocabularyFile;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Files that end the process of llama.cpp, or that it computes nothing but NaN with, are refused
/// before it gets them; those that it can be given in another way work.
@ExtendWith(LeakCheck.class)
class ModelLoaderTest {
  private static final String EPSILON = "llama.attention.layer_norm_rms_epsilon";

  @TempDir private Path folder;

  @Test
  void metadataThatEndsTheProcessIsRefused() throws IOException {
    Map<String, GgufValue> hostile =
        Map.ofEntries(
            Map.entry(EPSILON, real(-1e-9)),
            Map.entry("llama.rope.freq_base", real(Double.NaN)),
            Map.entry("llama.rope.scaling.factor", real(Double.POSITIVE_INFINITY)),
            Map.entry("llama.rope.scaling.attn_factor", real(Double.NaN)),
            Map.entry("llama.attention.head_count", number(64)),
            Map.entry("llama.attention.head_count_kv", number(3)),
            Map.entry("llama.rope.dimension_count", number(7)),
            Map.entry("llama.attention.key_length", number(0)),
            Map.entry("llama.context_length", number(0)),
            Map.entry("llama.embedding_length", number(0)),
            Map.entry("llama.rope.scaling.original_context_length", number(0)),
            Map.entry("llama.block_count", number(513)),
            Map.entry("general.type", new GgufValue.TextValue("mmproj")));
    for (Map.Entry<String, GgufValue> entry : hostile.entrySet()) {
      Path file =
          RandomModel.of(TensorType.Q4_0)
              .put(entry.getKey(), entry.getValue())
              .write(folder.resolve("hostile.gguf"));
      assertRefused(file, entry.getKey());
    }
    Path file =
        RandomModel.of(TensorType.Q4_0)
            .put(EPSILON, real(Double.NaN))
            .put("llama.rope.freq_base", real(0))
            .write(folder.resolve("hostile.gguf"));
    assertRefused(file, "2 lines");
  }

  @Test
  void typesThatNothingIsComputedWithAreRefused() throws IOException {
    for (TensorType type :
        new TensorType[] {TensorType.I32, TensorType.F64, TensorType.Q8_K, TensorType.Q8_1}) {
      assertRefused(retyped("blk.0.attn_q.weight", type), "blk.0.attn_q.weight");
    }
    assertRefused(retyped("output_norm.weight", TensorType.F16), "output_norm.weight");
    assertRefused(retyped("blk.1.attn_norm.weight", TensorType.BF16), "blk.1.attn_norm.weight");
  }

  /// A model whose tensor claims to have another type of at most as many bytes.
  private Path retyped(String name, TensorType type) throws IOException {
    Path path = RandomModel.of(TensorType.F32).width(256).write(folder.resolve("typed.gguf"));
    GgufWriter copy = new GgufWriter();
    Path changed = folder.resolve("retyped.gguf");
    try (GgufFile file = GgufFile.open(path)) {
      file.metadata()
          .keys()
          .forEach(key -> copy.put(key, file.metadata().value(key).orElseThrow()));
      for (GgufTensor tensor : file.tensors()) {
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        TensorType written = tensor.name().equals(name) ? type : tensor.type();
        long bytes = tensor.elements() / written.blockSize() * written.blockBytes();
        copy.addTensor(
            tensor.name(),
            written,
            shape,
            channel -> channel.write(ByteBuffer.allocate(Math.toIntExact(bytes))));
      }
      copy.write(changed);
    }
    return changed;
  }

  @Test
  void weightsThatAreNoNumbersAreRefused() throws IOException {
    Path file = RandomModel.of(TensorType.Q4_0).ropeFactors().write(folder.resolve("model.gguf"));
    overwrite(file, "blk.1.ffn_norm.weight", Float.NaN);
    assertRefused(file, "blk.1.ffn_norm.weight");
    Path divided = RandomModel.of(TensorType.Q4_0).ropeFactors().write(folder.resolve("rope.gguf"));
    overwrite(divided, "rope_freqs.weight", 0);
    assertRefused(divided, "rope_freqs.weight");
  }

  @Test
  void weightsTooLargeToComputeWithAreFoundByTheirLogits() throws IOException {
    Path file = RandomModel.of(TensorType.F32).write(folder.resolve("model.gguf"));
    overwrite(file, "output_norm.weight", 3e38f);
    try (LlamaModel model = ModelLoader.load(file, LlamaModel.Options.CPU);
        LlamaContext context = LlamaContext.create(model, 8, 8, 1)) {
      assertThrows(UnusableModelException.class, () -> context.decode(1, 2, 3));
      assertThrows(
          UnusableModelException.class,
          () -> context.forEachLogits(new int[] {1, 2}, (_, _) -> {}));
    }
  }

  @Test
  void tensorsAtAnyMultipleOfEightWork() throws IOException {
    Path usual = RandomModel.of(TensorType.Q4_0).write(folder.resolve("usual.gguf"));
    Path odd = RandomModel.of(TensorType.Q4_0).alignment(8).write(folder.resolve("odd.gguf"));
    try (GgufFile file = GgufFile.open(odd)) {
      assertTrue(file.tensors().stream().anyMatch(tensor -> tensor.offset() % 32 != 0));
    }
    for (LlamaModel.Options options :
        new LlamaModel.Options[] {
          LlamaModel.Options.CPU, new LlamaModel.Options(false, 0, false)
        }) {
      assertArrayEquals(logits(usual, options), logits(odd, options));
    }
  }

  private static float[] logits(Path file, LlamaModel.Options options) throws IOException {
    try (LlamaModel model = ModelLoader.load(file, options);
        LlamaContext context = LlamaContext.create(model, 8, 8, 1)) {
      context.decode(1, 2, 3);
      return context.logits();
    }
  }

  @Test
  void doubleTokensAreRefused() throws IOException {
    Path file = vocabulary(VocabularyFile.sentencePiece("\u2581", "a", "b", "a"));
    assertRefused(file, "tokens 4 and 6 are both 'a'");
  }

  @Test
  void namesForWhichLlamaCppWantsTokensAreRefused() throws IOException {
    Path file =
        vocabulary(
            VocabularyFile.sentencePiece("\u2581", "a")
                .putString("general.name", "A Phi-3 of mine"));
    assertRefused(file, "<|endoftext|>");
    try (LlamaModel _ =
        load(
            vocabulary(
                VocabularyFile.sentencePiece("\u2581", "a", "<|endoftext|>")
                    .putString("general.name", "A Phi-3 of mine")))) {
      // loads
    }
  }

  @Test
  void aCommaIsNoEnd() throws IOException {
    String key = "tokenizer.ggml.eos_token_id";
    for (long id : new long[] {29, 4_294_967_295L}) { // the vocabulary has 29 tokens
      NativeGguf file = VocabularyFile.bytePair("gpt-2");
      try (LlamaModel model = load(vocabulary(file.putUint32(key, (int) id)))) {
        assertEquals(OptionalInt.empty(), model.vocabulary().eos());
        assertFalse(model.vocabulary().isEndOfGeneration(11));
      }
    }
    try (LlamaModel model = load(vocabulary(VocabularyFile.bytePair("gpt-2")))) {
      assertEquals(OptionalInt.of(28), model.vocabulary().eos());
      assertTrue(model.vocabulary().isEndOfGeneration(28));
      assertEquals(OptionalInt.empty(), model.vocabulary().bos());
    }
    // A fallback that is a control token of the file is right.
    try (LlamaModel model = load(vocabulary(VocabularyFile.sentencePiece("\u2581", "a")))) {
      assertEquals(OptionalInt.of(1), model.vocabulary().bos());
      assertEquals(OptionalInt.of(2), model.vocabulary().eos());
    }
  }

  @Test
  void aBeginThatTheFileDoesNotNameIsRefused() throws IOException {
    NativeGguf without =
        VocabularyFile.bytePair("gpt-2").putBool("tokenizer.ggml.add_bos_token", true);
    assertRefused(vocabulary(without), "tokenizer.ggml.bos_token_id, is missing");
    NativeGguf outside =
        VocabularyFile.bytePair("gpt-2")
            .putBool("tokenizer.ggml.add_bos_token", true)
            .putUint32("tokenizer.ggml.bos_token_id", 300);
    assertRefused(vocabulary(outside), "tokenizer.ggml.bos_token_id, is 300");
  }

  private static LlamaModel load(Path file) throws IOException {
    return ModelLoader.load(file, LlamaModel.Options.VOCABULARY);
  }

  private Path vocabulary(NativeGguf file) throws IOException {
    return file.write(folder.resolve("vocabulary.gguf"));
  }

  /// @param words a part of the message, or the number of lines below its first
  private static void assertRefused(Path file, String words) {
    LlamaModel.Options options =
        file.endsWith("vocabulary.gguf") ? LlamaModel.Options.VOCABULARY : LlamaModel.Options.CPU;
    String message =
        assertThrows(InvalidInputException.class, () -> ModelLoader.load(file, options).close())
            .getMessage();
    if (words.equals("2 lines")) {
      assertEquals(3, message.lines().count(), message);
    } else {
      assertTrue(message.contains(words), message);
    }
  }

  private static void overwrite(Path file, String name, float value) throws IOException {
    GgufTensor tensor;
    try (GgufFile model = GgufFile.open(file)) {
      tensor = model.tensor(name).orElseThrow();
    }
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.toIntExact(tensor.bytes())).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      bytes.putFloat(value);
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(bytes.flip(), tensor.offset());
    }
  }

  private static GgufValue real(double value) {
    return new GgufValue.Real(GgufType.FLOAT32, value);
  }

  private static GgufValue number(long value) {
    return new GgufValue.Int(GgufType.UINT32, value);
  }
}

package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
@Tag("slow")
class ImportanceMatrixTest {
  private static final int WIDTH = 256;
  private static final int TOKENS = 40;

  @TempDir Path folder;

  private Path model;
  private Path text;
  private float[] embeddings;
  private float[] norm;

  @BeforeEach
  void writeModel() throws IOException {
    model = folder.resolve("model.gguf");
    text = Files.writeString(folder.resolve("text.txt"), "abcbacbbcacab".repeat(10));
    SplittableRandom random = new SplittableRandom(7);
    embeddings = numbers(random, WIDTH * TOKENS);
    norm = numbers(random, WIDTH);
    writer(random, 0).write(model);
  }

  /// A llama of one layer, with experts or without, and a SentencePiece vocabulary of letters.
  private GgufWriter writer(SplittableRandom random, int experts) {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>", "\u2581"));
    for (char letter = 'a'; tokens.size() < TOKENS; letter++) {
      tokens.add(String.valueOf(letter));
    }
    int[] types = new int[TOKENS];
    Arrays.fill(types, 1);
    types[0] = 2;
    types[1] = 3;
    types[2] = 3;
    GgufWriter writer =
        new GgufWriter()
            .putString("general.architecture", "llama")
            .putUint32("llama.block_count", 1)
            .putUint32("llama.context_length", 64)
            .putUint32("llama.embedding_length", WIDTH)
            .putUint32("llama.feed_forward_length", WIDTH)
            .putUint32("llama.attention.head_count", 2)
            .putUint32("llama.rope.dimension_count", WIDTH / 2)
            .putFloat32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .putString("tokenizer.ggml.model", "llama")
            .putStrings("tokenizer.ggml.tokens", tokens)
            .putFloats("tokenizer.ggml.scores", new float[TOKENS])
            .putInts("tokenizer.ggml.token_type", types)
            .putUint32("tokenizer.ggml.bos_token_id", 1)
            .putBool("tokenizer.ggml.add_bos_token", true)
            .addTensor("token_embd.weight", new long[] {WIDTH, TOKENS}, embeddings)
            .addTensor("output_norm.weight", new long[] {WIDTH}, norm)
            .addTensor("blk.0.attn_norm.weight", new long[] {WIDTH}, norm)
            .addTensor("blk.0.ffn_norm.weight", new long[] {WIDTH}, norm);
    for (String name : List.of("attn_q", "attn_k", "attn_v", "attn_output")) {
      matrix(writer, random, name, WIDTH, WIDTH);
    }
    if (experts == 0) {
      List.of("ffn_gate", "ffn_up", "ffn_down")
          .forEach(name -> matrix(writer, random, name, WIDTH, WIDTH));
    } else {
      writer.putUint32("llama.expert_count", experts).putUint32("llama.expert_used_count", 2);
      matrix(writer, random, "ffn_gate_inp", WIDTH, experts);
      List.of("ffn_gate_exps", "ffn_up_exps", "ffn_down_exps")
          .forEach(name -> matrix(writer, random, name, WIDTH, WIDTH, experts));
    }
    return writer;
  }

  private static void matrix(
      GgufWriter writer, SplittableRandom random, String name, long... shape) {
    int count = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact);
    writer.addTensor("blk.0." + name + ".weight", shape, numbers(random, count));
  }

  private static float[] numbers(SplittableRandom random, int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) random.nextDouble(-0.1, 0.1);
    }
    return numbers;
  }

  private ImportanceMatrix collect() throws IOException {
    return ImportanceCollector.collect(model, text, 32, 1, (_, _) -> {});
  }

  /// The input of the first layer's queries is known: normalized embeddings.
  @Test
  void sumsSquaresOfWhatIsMultiplied() throws IOException {
    ImportanceMatrix matrix = collect();
    List<int[]> chunks;
    try (LlamaModel loaded = LlamaModel.load(model, LlamaModel.Options.VOCABULARY)) {
      chunks = TextChunks.read(text, loaded.vocabulary(), 32);
    }
    assertEquals(4, chunks.size());
    double[] expected = new double[WIDTH];
    for (int[] chunk : chunks) {
      assertEquals(1, chunk[0]); // each begins with <s>
      for (int token : chunk) {
        double squares = 0;
        for (int i = 0; i < WIDTH; i++) {
          squares += Math.pow(embeddings[token * WIDTH + i], 2);
        }
        double scale = 1 / (squares / WIDTH + 1e-5);
        for (int i = 0; i < WIDTH; i++) {
          expected[i] += Math.pow(embeddings[token * WIDTH + i] * norm[i], 2) * scale;
        }
      }
    }
    Set<String> names = new TreeSet<>();
    for (String name : matrix.entries().keySet()) {
      names.add(name.substring("blk.0.".length(), name.length() - ".weight".length()));
    }
    assertEquals(
        Set.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"),
        names);
    ImportanceMatrix.ColumnSums query = matrix.entries().get("blk.0.attn_q.weight");
    assertArrayEquals(new float[] {128}, query.counts());
    for (int i = 0; i < WIDTH; i++) {
      assertEquals(expected[i], query.sums()[i], 1e-4 * expected[i] + 1e-7);
    }
    // All logits are computed, so the last layer's feed-forward sees all tokens too.
    assertArrayEquals(new float[] {128}, matrix.entries().get("blk.0.ffn_down.weight").counts());
  }

  @Test
  void expertsCountTheirOwnTokens() throws IOException {
    writer(new SplittableRandom(8), 4).write(model);
    ImportanceMatrix.ColumnSums down = collect().entries().get("blk.0.ffn_down_exps.weight");
    assertEquals(4 * WIDTH, down.sums().length);
    float total = 0;
    for (float count : down.counts()) {
      total += count;
    }
    assertEquals(2 * 128, total);
    for (int expert = 0; expert < 4; expert++) {
      float sum = 0;
      for (int i = 0; i < WIDTH; i++) {
        sum += down.sums()[expert * WIDTH + i];
      }
      assertEquals(down.counts()[expert] > 0, sum > 0);
    }
  }

  @Test
  void filesAreReadAsWritten() throws IOException {
    ImportanceMatrix matrix = collect();
    Path file = folder.resolve("imatrix.gguf");
    matrix.write(file);
    ImportanceMatrix read = ImportanceMatrix.read(file);
    assertEquals(4, read.chunks());
    assertEquals(32, read.chunkSize());
    assertEquals(List.of("text.txt"), read.datasets());
    assertEquals(matrix.entries().keySet(), read.entries().keySet());
    matrix
        .entries()
        .forEach(
            (name, entry) -> {
              assertArrayEquals(entry.sums(), read.entries().get(name).sums());
              assertArrayEquals(entry.counts(), read.entries().get(name).counts());
            });
    try (GgufFile gguf = GgufFile.open(file)) { // as llama-imatrix writes it
      assertEquals("imatrix", gguf.metadata().requireString("general.type"));
      assertEquals(
          List.of((long) WIDTH), gguf.tensor("blk.0.attn_q.weight.in_sum2").orElseThrow().shape());
    }
  }

  @Test
  void expertsWithoutTokensMatterAlike() {
    ImportanceMatrix.ColumnSums entry =
        new ImportanceMatrix.ColumnSums(new float[] {2, 4, 0, 0}, new float[] {2, 0});
    ImportanceMatrix matrix = new ImportanceMatrix(Map.of("x", entry), 1, 1, List.of());
    assertArrayEquals(new float[] {1, 2, 1, 1}, matrix.weights().get("x"));
  }

  @Test
  void quantizesWithIt() throws IOException {
    ImportanceMatrix matrix = collect();
    Path output = folder.resolve("small.gguf");
    InvalidInputException refused =
        assertThrows(
            InvalidInputException.class, () -> ModelQuantizer.quantize(model, output, "IQ2_S", 1));
    assertTrue(refused.getMessage().contains("lorikeet imatrix"), refused.getMessage());
    List<String> seen = new ArrayList<>();
    ModelQuantizer.quantize(
        model, output, "IQ2_S", 1, Optional.of(matrix), (tensor, _, _) -> seen.add(tensor));
    assertTrue(seen.contains("blk.0.attn_q.weight"), seen.toString());
    List<GgufTensor> plan = ModelQuantizer.plan(model, "IQ2_S", Optional.of(matrix));
    try (GgufFile file = GgufFile.open(output)) {
      assertEquals(file.tensors().size(), plan.size());
      for (GgufTensor planned : plan) {
        GgufTensor written = file.tensor(planned.name()).orElseThrow();
        assertEquals(written.type(), planned.type(), planned.name());
        assertEquals(written.bytes(), planned.bytes(), planned.name());
      }
    }
  }

  /// Where one column matters a thousand times more, it comes out better than without.
  @Test
  void whatMattersIsKeptBetter() throws IOException {
    float[] means = new float[WIDTH];
    Arrays.fill(means, 1);
    means[5] = 1000;
    ImportanceMatrix.ColumnSums entry = new ImportanceMatrix.ColumnSums(means, new float[] {1});
    ImportanceMatrix matrix =
        new ImportanceMatrix(Map.of("blk.0.attn_q.weight", entry), 1, 1, List.of("x"));
    Path plain = folder.resolve("plain.gguf");
    Path weighed = folder.resolve("weighed.gguf");
    ModelQuantizer.quantize(model, plain, "Q4_K_S", 1);
    ModelQuantizer.quantize(model, weighed, "Q4_K_S", 1, Optional.of(matrix), (_, _, _) -> {});
    assertTrue(columnError(weighed) < 0.5 * columnError(plain));
  }

  private double columnError(Path quantized) throws IOException {
    try (GgufFile from = GgufFile.open(model);
        GgufFile to = GgufFile.open(quantized)) {
      GgufTensor tensor = to.tensor("blk.0.attn_q.weight").orElseThrow();
      float[] expected =
          from.data(from.tensor("blk.0.attn_q.weight").orElseThrow()).toArray(LittleEndian.FLOAT);
      float[] found = RowDequantizer.floats(tensor.type(), to.data(tensor));
      double squares = 0;
      for (int row = 0; row < WIDTH; row++) {
        squares += Math.pow(found[row * WIDTH + 5] - expected[row * WIDTH + 5], 2);
      }
      return squares;
    }
  }

  @Test
  void refusesWhatDoesNotFit() throws IOException {
    Path file = folder.resolve("other.gguf");
    assertRefused(() -> ImportanceMatrix.read(model), "is no importance matrix");
    new GgufWriter()
        .putString("general.type", "imatrix")
        .addTensor("a.weight.in_sum2", new long[] {4}, new float[4])
        .write(file);
    assertRefused(() -> ImportanceMatrix.read(file), "no counts");
    new GgufWriter()
        .putString("general.type", "imatrix")
        .addTensor("a.in_sum2", new long[] {4}, new float[] {0, 1, Float.NaN, 0})
        .addTensor("a.counts", new long[] {1}, new float[] {1})
        .write(file);
    assertRefused(() -> ImportanceMatrix.read(file), "NaN");
    ImportanceMatrix.ColumnSums entry =
        new ImportanceMatrix.ColumnSums(new float[8], new float[] {1});
    for (String name : List.of("blk.0.attn_q.weight", "blk.7.attn_q.weight")) {
      ImportanceMatrix matrix = new ImportanceMatrix(Map.of(name, entry), 1, 1, List.of());
      assertRefused(
          () ->
              ModelQuantizer.quantize(model, file, "Q4_0", 1, Optional.of(matrix), (_, _, _) -> {}),
          "measured on another model");
    }
    Path few = Files.writeString(folder.resolve("few.txt"), "abc");
    assertRefused(
        () -> ImportanceCollector.collect(model, few, 32, 1, (_, _) -> {}), "fewer than one");
    assertRefused(
        () -> ImportanceCollector.collect(model, folder, 32, 1, (_, _) -> {}), "is a folder");
  }

  /// Keys, quotes and escapes of records aren't part of a model's input. A file that only looks
  /// like JSON is a text.
  @Test
  void examplesAreNoText() throws IOException {
    String lines = "{\"text\": \"a\"}\n".repeat(100);
    for (String name : List.of("data.jsonl", "data.JSON", "data.csv.gz", "data.parquet", "data")) {
      Path file = Files.writeString(folder.resolve(name), lines);
      assertRefused(
          () -> ImportanceCollector.collect(model, file, 32, 1, (_, _) -> {}),
          file + " holds examples as records, no text");
    }
    for (String json : List.of("\uFEFF\n[\"a\",\n\"b\"]", "{\n \"text\": 1\n}")) {
      Path file = Files.writeString(folder.resolve("data.txt"), json.repeat(100));
      assertRefused(
          () -> ImportanceCollector.collect(model, file, 32, 1, (_, _) -> {}), "holds examples");
    }
    for (String text : List.of("{ int x = 1; }\n", "[1] is a reference.\n", "[link](url)\n")) {
      Path file = Files.writeString(folder.resolve("text"), text.repeat(100));
      ImportanceMatrix matrix = ImportanceCollector.collect(model, file, 32, 1, (_, _) -> {});
      assertTrue(matrix.chunks() > 0, text);
    }
  }

  private static void assertRefused(Executable action, String part) {
    InvalidInputException refused = assertThrows(InvalidInputException.class, action);
    assertTrue(refused.getMessage().contains(part), refused.getMessage());
  }

  /// Against errors computed here.
  @Test
  void reportsErrors() throws IOException {
    Path output = folder.resolve("half.gguf");
    ModelQuantizer.quantize(model, output, "Q8_0", 1);
    List<QuantizationError> errors = QuantizationError.compare(model, output);
    assertEquals(8, errors.size());
    for (QuantizationError error : errors) {
      assertEquals(TensorType.Q8_0, error.type());
      assertEquals(error.elements() / 32 * 34, error.bytes());
      // Steps are up to 0.1/127 wide, uniform errors within are a twelfth of that squared.
      assertEquals(0.1 / 127 / Math.sqrt(12), error.rootMeanSquare(), 2e-5);
      assertEquals(0.1 / Math.sqrt(3), error.rootMeanSquare() / error.relative(), 1e-3);
    }
    assertTrue(QuantizationError.compare(model, model).isEmpty());
  }
}

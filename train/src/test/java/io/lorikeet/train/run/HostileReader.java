package io.lorikeet.train.run;

import com.github.luben.zstd.Zstd;
import com.sun.management.ThreadMXBean;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedActivations;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.quant.FiniteWeights;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import io.lorikeet.train.checkpoint.Checkpoint;
import io.lorikeet.train.checkpoint.CheckpointFolder;
import io.lorikeet.train.checkpoint.CheckpointWriter;
import io.lorikeet.train.checkpoint.StateLayout;
import io.lorikeet.train.checkpoint.StateVector;
import io.lorikeet.train.data.files.ExampleReader;
import io.lorikeet.train.memory.Placement;
import io.lorikeet.train.settings.ConfigFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

/// The readers of files that come from elsewhere. Any bytes are read, or refused with a message
/// that says why, within bounds of memory and time.
enum HostileReader {
  GGUF("model.gguf") {
    @Override
    void read(Path file) throws IOException {
      try (GgufFile gguf = GgufFile.open(file)) {
        for (String key : gguf.metadata().keys()) {
          touch(gguf.metadata().value(key).orElseThrow());
        }
        for (GgufTensor tensor : gguf.tensors()) {
          gguf.data(tensor).byteSize();
        }
        FiniteWeights.require(gguf);
      }
    }

    @Override
    List<byte[]> seeds(Path folder) throws IOException {
      Path file = folder.resolve("seed.gguf");
      new GgufWriter()
          .putUint32("general.alignment", 32)
          .putString("general.architecture", "llama")
          .putUint64("a.u64", 1L << 40)
          .putFloat32("a.f32", 0.5f)
          .putBool("a.bool", true)
          .putStrings("a.strings", List.of("a", "", "bc"))
          .putFloats("a.floats", 1, 2, 3)
          .putInts("a.ints", 1, 2, 3, 4)
          .addTensor("a.weight", new long[] {4, 3}, new float[12])
          .addTensor("b.weight", new long[] {2, 2, 2}, new float[8])
          .write(file);
      Path split = folder.resolve("model-00001-of-00002.gguf");
      new GgufWriter()
          .put("split.no", new GgufValue.Int(GgufType.UINT16, 0))
          .put("split.count", new GgufValue.Int(GgufType.UINT16, 2))
          .putInt32("split.tensors.count", 1)
          .write(split);
      return List.of(Files.readAllBytes(file), Files.readAllBytes(split));
    }
  },

  CHECKPOINT("step-00000001.gguf") {
    /// Bits that changed by chance are found by the checksum; here it is made right, to get past
    /// it.
    @Override
    byte[] prepare(byte[] input) {
      byte[] signed = Arrays.copyOf(input, Math.max(input.length, CHECKSUM));
      int end = signed.length - CHECKSUM;
      System.arraycopy(sha256(Arrays.copyOf(signed, end)), 0, signed, end, CHECKSUM);
      return signed;
    }

    @Override
    void read(Path file) throws IOException {
      try (Checkpoint checkpoint = Checkpoint.open(file)) {
        checkpoint.restore(state());
        new RunProgress(checkpoint.metadata());
        checkpoint.adapter(RunSaver.alpha(checkpoint));
        ConfigFile.parse(file, checkpoint.metadata().requireString(RunSaver.CONFIG));
        String computation = checkpoint.metadata().requireString(RunSaver.COMPUTATION);
        Computation.parse(file.toString(), computation, 1, 64);
      }
    }

    @Override
    List<byte[]> seeds(Path folder) throws IOException {
      CheckpointFolder checkpoints = new CheckpointFolder(folder);
      checkpoints.prepare();
      Map<String, GgufValue> values = new RunProgress().values();
      values.put(RunSaver.CONFIG, new GgufValue.TextValue("rank: 4\nseed: 1\n"));
      values.put(RunSaver.COMPUTATION, new GgufValue.TextValue(computation().text()));
      values.put("adapter.lora.alpha", io.lorikeet.train.checkpoint.StateValues.real(8));
      try (CheckpointWriter writer = new CheckpointWriter(checkpoints, 1, state())) {
        writer.begin(1, 0, values, Map::of);
        writer.await();
      }
      return List.of(Files.readAllBytes(checkpoints.file(1)));
    }
  },

  SAFETENSORS("model.safetensors") {
    @Override
    void read(Path file) throws IOException {
      try (SafetensorsFile safetensors = SafetensorsFile.open(file)) {
        for (SafetensorsTensor tensor : safetensors.tensors()) {
          safetensors.data(tensor).byteSize();
        }
      }
    }

    @Override
    List<byte[]> seeds(Path folder) {
      String head =
          """
          {"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,2],\
          "data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]}}""";
      byte[] text = head.getBytes(StandardCharsets.UTF_8);
      byte[] file = new byte[8 + text.length + 22];
      file[0] = (byte) text.length;
      System.arraycopy(text, 0, file, 8, text.length);
      return List.of(file);
    }
  },

  JSON_LINES("data.jsonl") {
    @Override
    void read(Path file) throws IOException {
      examples(file);
    }

    @Override
    List<byte[]> seeds(Path folder) {
      return texts(
          "{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"c\\u00e4\", \"completion\": \"\"}\n",
          "{\"text\": \"once\"}\n\n{\"text\": \"upon\"}\n",
          "{\n  \"text\": \"once\",\n  \"score\": NaN\n}\n{\n  \"text\": \"upon\"\n}\n",
          "[\n{\"question\": \"q\", \"answer\": \"a\"},\n\"text\"]\n",
          "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}, {\"role\": \"assistant\","
              + " \"content\": \"ho\"}]}\n",
          "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}, {\"role\": \"assistant\","
              + " \"tool_calls\": [{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": [1]}\"}]}],"
              + " \"tools\": [{\"name\": \"f\"}]}\n",
          "{\"instruction\": \"i\", \"input\": \"\", \"output\": \"o\"}\n",
          "{\"conversations\": [{\"from\": \"human\", \"value\": \"q\"}, {\"from\": \"gpt\","
              + " \"value\": \"a\"}]}\n");
    }
  },

  TABLE("data.csv") {
    @Override
    void read(Path file) throws IOException {
      examples(file);
    }

    @Override
    List<byte[]> seeds(Path folder) {
      return texts(
          "prompt,completion\na,\"b\"\"c\"\n\"d\ne\",f\n",
          "sep=;\n\"prompt\";completion;\na;b;\n",
          "text,chosen,rejected\nonce,,\n,a,b\n");
    }
  },

  PACKED("data.jsonl") {
    @Override
    void read(Path file) throws IOException {
      examples(file);
    }

    @Override
    List<byte[]> seeds(Path folder) throws IOException {
      byte[] line = "{\"text\": \"once upon a time\"}\n".getBytes(StandardCharsets.UTF_8);
      ByteArrayOutputStream gzip = new ByteArrayOutputStream();
      for (int member = 0; member < 2; member++) {
        try (GZIPOutputStream output = new GZIPOutputStream(gzip)) {
          output.write(line);
        }
      }
      ByteArrayOutputStream frames = new ByteArrayOutputStream();
      frames.writeBytes(new byte[] {0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 7});
      frames.writeBytes(Zstd.compress(line));
      frames.writeBytes(Zstd.compress(line));
      return List.of(gzip.toByteArray(), frames.toByteArray());
    }
  },

  YAML("config.yaml") {
    @Override
    void read(Path file) throws IOException {
      ConfigFile.read(file);
    }

    @Override
    List<byte[]> seeds(Path folder) {
      return texts(
          "model: a.gguf\ndata: [b.jsonl, c.jsonl]\n# why\nlearning-rate: 2e-4\nrank: 8\n",
          "data:\n  - a\n  - b\npacking: true\nvalidation: 0.1\nmax-time: 1h30m\nseed: 0x10\n",
          "base: &a {rank: 8}\nrank: *a\ntarget: 'q'\nrun: \"x\\ty\"\nsteps: |\n  5\n");
    }
  },

  TEMPLATE("template.jinja") {
    @Override
    void read(Path file) throws IOException {
      ChatTemplate template = ChatTemplates.read(file);
      template.render(
          Map.of(
              "messages",
              List.of(
                  Map.of("role", "user", "content", "hi"),
                  Map.of("role", "assistant", "content", "ho")),
              "bos_token",
              "<s>",
              "eos_token",
              "</s>",
              "add_generation_prompt",
              true),
          LocalDateTime.of(2026, 1, 2, 3, 4));
    }

    @Override
    List<byte[]> seeds(Path folder) {
      List<byte[]> seeds = new ArrayList<>();
      for (String name : ChatTemplates.BUILT_IN) {
        seeds.addAll(texts(ChatTemplates.builtIn(name).source()));
      }
      return seeds;
    }
  };

  private static final int CHECKSUM = 32;

  /// The most memory that a small input may take.
  private static final long MOST_BYTES = 64 << 20;

  private static final long MOST_NANOSECONDS = 5_000_000_000L;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final String fileName;

  HostileReader(String fileName) {
    this.fileName = fileName;
  }

  /// Reads everything that such a file holds.
  abstract void read(Path file) throws IOException;

  /// Good files to begin with.
  abstract List<byte[]> seeds(Path folder) throws IOException;

  byte[] prepare(byte[] input) {
    return input;
  }

  /// Reads the seeds and an empty file once, since first times load classes.
  void warmUp(Path folder) {
    try {
      List<byte[]> inputs = new ArrayList<>(seeds(folder));
      inputs.add(new byte[0]);
      for (byte[] input : inputs) {
        try {
          read(Files.write(folder.resolve(fileName), prepare(input)));
        } catch (InvalidInputException _) {
          // judged when it is given for good
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /// Gives an input to the reader.
  ///
  /// @return whether it was taken for good
  /// @throws AssertionError when anything happens but reading or a clear refusal
  boolean take(byte[] input, Path folder) throws IOException {
    Path file = Files.write(folder.resolve(fileName), prepare(input));
    long bytes = THREADS.getCurrentThreadAllocatedBytes();
    long time = THREADS.getCurrentThreadCpuTime();
    boolean good = false;
    try {
      read(file);
      good = true;
    } catch (InvalidInputException | IOException e) {
      if (e.getMessage() == null || !e.getMessage().contains(" ")) {
        throw new AssertionError("refused without a word", e);
      }
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
      throw new AssertionError(this + " fails in another way", e);
    }
    bytes = THREADS.getCurrentThreadAllocatedBytes() - bytes;
    time = THREADS.getCurrentThreadCpuTime() - time;
    if (bytes > MOST_BYTES + 100L * input.length || time > MOST_NANOSECONDS) {
      throw new AssertionError(
          "%s took %,d bytes and %,d ns for %d bytes of input"
              .formatted(this, bytes, time, input.length));
    }
    return good;
  }

  private static void examples(Path file) throws IOException {
    ExampleReader reader = new ExampleReader(false, _ -> {});
    reader.read(file, _ -> {});
    reader.finish();
  }

  private static void touch(GgufValue value) {
    if (value instanceof GgufValue.Array array) {
      switch (array.elementType()) {
        case STRING -> array.strings().size();
        case FLOAT32, FLOAT64 -> Arrays.hashCode(array.doubles());
        case BOOL, ARRAY -> array.encoded().byteSize();
        default -> Arrays.hashCode(array.longs());
      }
    }
  }

  private static List<byte[]> texts(String... texts) {
    return Arrays.stream(texts).map(text -> text.getBytes(StandardCharsets.UTF_8)).toList();
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Computation computation() {
    PassShape shape = new PassShape(1, 64, 32, 16, 8);
    return new Computation(
        "cpu",
        "a",
        1,
        "b",
        ProductFormat.F32,
        Placement.onDevice(shape, SavedActivations.ATTENTION));
  }

  /// A tiny state: one pair of 4 × 2 and its moments.
  private static StateLayout state() {
    List<StateVector> vectors = new ArrayList<>();
    for (String name : List.of("", "first_moment", "second_moment")) {
      vectors.add(
          new StateVector() {
            @Override
            public String name() {
              return name;
            }

            @Override
            public void copyTo(MemorySegment target) {
              target.fill((byte) 0);
            }

            @Override
            public void copyFrom(MemorySegment source) {}
          });
    }
    LoraSlot slot = new LoraSlot("a.weight", 4, 3, 2, 1, 1, 0, 64);
    return new StateLayout("llama", List.of(slot), 128, vectors);
  }
}

package io.lorikeet.finetune.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.finetune.VerificationText;
import io.lorikeet.finetune.serving.ServerProof.Finding;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// [ServerProof] with a real llama-server: the right one passes, and of one with a single fault
/// that fault is named. LORIKEET_LLAMA_SERVER names the program, which `.ci/llama-server` fetches.
@Tag("long")
class RunningServerTest {
  private static final String TEMPLATE =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";
  private static final String PROBABILITIES = "log probabilities";
  private static final Pattern PORT = Pattern.compile("listening on http://127\\.0\\.0\\.1:(\\d+)");
  private static final int SECONDS = 120; // a busy machine's

  @TempDir private Path folder;
  private Path program;
  private Path base;
  private Path adapter;
  private Path template;

  @BeforeEach
  void writeFiles() throws IOException {
    String named = System.getenv("LORIKEET_LLAMA_SERVER");
    assumeTrue(
        named != null,
        "no llama-server: LORIKEET_LLAMA_SERVER names none; .ci/llama-server fetches one");
    program = Path.of(named);
    base = base("base", 1);
    adapter = adapter("adapter", 5);
    template = Files.writeString(folder.resolve("template.jinja"), TEMPLATE);
  }

  private Path base(String name, long seed) throws IOException {
    return RandomModel.of(TensorType.Q4_0).seed(seed).write(folder.resolve(name + ".gguf"));
  }

  private Path adapter(String name, long seed) throws IOException {
    return adapter(name, seed, Optional.empty());
  }

  private Path adapter(String name, long seed, Optional<Invocation> invocation) throws IOException {
    Path file = folder.resolve(name + ".gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraAdapter lora =
          new LoraAdapter(
              "llama",
              4,
              RandomInputs.pairs(gguf, List.of("attn_q", "ffn_down"), 4, seed),
              invocation);
      AdapterExporter.write(lora, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), file);
    }
    return file;
  }

  @Test
  void theRightServerPasses() throws Exception {
    try (Running server = serve(base, "--lora", adapter)) {
      List<Finding> findings = server.findings(adapter);
      assertEquals(
          List.of("vocabulary", "begin token", "chat template", "adapters", PROBABILITIES),
          findings.stream().map(Finding::subject).toList());
      assertTrue(findings.stream().noneMatch(Finding::differs), findings.toString());
      assertTrue(
          findings.get(3).words().contains("adapter.gguf with scale 1.0"), findings.toString());
      assertTrue(
          findings.getLast().words().startsWith("those of base and adapter"), findings.toString());
    }
  }

  @Test
  void otherAdaptersAreTold() throws Exception {
    try (Running server = serve(base)) {
      assertOnly(PROBABILITIES, "doesn't apply it", server.findings(adapter));
    }
    try (Running server = serve(base, "--lora-scaled", adapter + ":0.7")) {
      assertOnly(PROBABILITIES, "with scale 0.7", server.findings(adapter));
    }
    try (Running server = serve(base, "--lora", adapter("another", 6))) {
      assertOnly(PROBABILITIES, "another one", server.findings(adapter));
    }
  }

  /// An activated adapter: the proof's own text gets the invocation, and is asked from there on.
  @Test
  void theInvocationIsAskedFor() throws Exception {
    Path late = adapter("late", 5, Optional.of(new Invocation(List.of(70, 71, 72))));
    try (Running server = serve(base, "--lora", late)) {
      List<Finding> findings = server.findings(late);
      assertEquals(List.of(), different(findings));
      assertTrue(
          findings.getLast().words().startsWith("those of base and adapter"), findings.toString());
    }
    try (Running server = serve(base)) {
      assertOnly(PROBABILITIES, "doesn't apply it", server.findings(late));
    }
  }

  @Test
  void otherBasesAreTold() throws Exception {
    try (Running server = serve(base("other", 9), "--lora", adapter)) {
      assertOnly(PROBABILITIES, "another one", server.findings(adapter));
    }
    Path words = RandomModel.of(TensorType.Q4_0).vocabulary(300).write(folder.resolve("few.gguf"));
    try (Running server = serve(words)) {
      assertOnly("vocabulary", "another base", server.findings(adapter));
    }
  }

  @Test
  void otherTextIsTold() throws Exception {
    try (Running server = serve(base, "--lora", adapter, "--chat-template", "llama2")) {
      assertOnly("chat template", "the server writes \"", server.findings(adapter));
    }
    try (Running server =
        serve(
            base, "--lora", adapter, "--override-kv", "tokenizer.ggml.add_bos_token=bool:false")) {
      assertOnly("begin token", "no token", server.findings(adapter));
    }
  }

  /// Scales that are set while it runs leave what was computed with the ones before.
  @Test
  void aPromptCacheOfAnotherAdapterIsTold() throws Exception {
    Path another = adapter("another", 6);
    try (Running server = serve(base, "--lora", adapter, "--lora-scaled", another + ":0")) {
      assertEquals(List.of(), different(server.findings(adapter)));
      server.scale(0, 0, 1, 1);
      assertOnly(PROBABILITIES, "prompt cache", server.findings(another));
      assertEquals(List.of(), different(server.findings(another)));
    }
  }

  private static List<Finding> different(List<Finding> findings) {
    return findings.stream().filter(Finding::differs).toList();
  }

  private static void assertOnly(String subject, String words, List<Finding> findings) {
    List<Finding> different = different(findings);
    assertEquals(
        List.of(subject), different.stream().map(Finding::subject).toList(), findings.toString());
    assertTrue(different.getFirst().words().contains(words), different.toString());
  }

  /// Starts one that has no fault of its own.
  private Running serve(Path model, Object... options) throws Exception {
    List<String> command =
        new ArrayList<>(List.of(program.toString(), "--model", model.toString()));
    command.addAll(List.of("--host", "127.0.0.1", "--port", "0", "--threads", "1"));
    command.addAll(List.of("--ctx-size", "256", "--parallel", "1", "--offline"));
    if (!List.of(options).contains("--chat-template")) {
      command.addAll(List.of("--jinja", "--chat-template-file", template.toString()));
    }
    for (Object option : options) {
      command.add(option.toString());
    }
    Path log = folder.resolve("server.log");
    Process process = ServingProgram.start(command, log);
    Running server = new Running(process, log);
    try {
      server.awaitPort();
      return server;
    } catch (IOException | InterruptedException | AssertionError e) {
      server.close();
      throw e;
    }
  }

  private final class Running implements AutoCloseable {
    private final Process process;
    private final Path log;
    private String port = "";

    Running(Process process, Path log) {
      this.process = process;
      this.log = log;
    }

    void awaitPort() throws IOException, InterruptedException {
      for (int tenths = 0; tenths < 10 * SECONDS && process.isAlive(); tenths++) {
        Matcher said = PORT.matcher(Files.readString(log));
        if (said.find()) {
          port = said.group(1);
          return;
        }
        Thread.sleep(100);
      }
      throw new AssertionError("llama-server isn't ready: " + Files.readString(log));
    }

    List<Finding> findings(Path expected) throws IOException {
      List<int[]> sequences;
      try (GgufFile file = GgufFile.open(base)) {
        sequences = VerificationText.sequences(file, null);
      }
      try (LlamaServer server = new LlamaServer(port)) {
        return ServerProof.of(
                server, base, expected, Optional.of(template.toString()), sequences, 1, _ -> {})
            .findings();
      }
    }

    /// Sets the scales of two adapters.
    void scale(int first, double scale, int second, double other) throws Exception {
      String body =
          "[{\"id\": %d, \"scale\": %s}, {\"id\": %d, \"scale\": %s}]"
              .formatted(first, scale, second, other);
      HttpRequest request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/lora-adapters"))
              .POST(HttpRequest.BodyPublishers.ofString(body))
              .build();
      try (HttpClient client = HttpClient.newHttpClient()) {
        assertEquals(200, client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
      }
    }

    @Override
    public void close() {
      process.destroy();
      if (process.onExit().completeOnTimeout(process, 10, TimeUnit.SECONDS).join().isAlive()) {
        process.destroyForcibly().onExit().join();
      }
    }
  }
}

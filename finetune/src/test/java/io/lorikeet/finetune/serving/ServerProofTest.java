package io.lorikeet.finetune.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.finetune.serving.ServerProof.Finding;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A server that is right passes, and of one with a single fault that fault is named.
@ExtendWith(LeakCheck.class)
class ServerProofTest {
  private static final String TEMPLATE =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";

  @TempDir private Path folder;
  private Path base;
  private Path adapter;

  @BeforeEach
  void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    adapter = adapter("adapter", 5);
  }

  private Path adapter(String name, long seed) throws IOException {
    Path file = folder.resolve(name + ".gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraAdapter lora =
          new LoraAdapter(
              "llama", 4, RandomInputs.pairs(gguf, List.of("attn_q", "ffn_down"), 4, seed));
      AdapterExporter.write(lora, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), file);
    }
    return file;
  }

  /// The findings of a server that has one fault.
  private List<Finding> findings(Path served, Path loaded, Consumer<FakeLlamaServer> fault)
      throws IOException {
    Path template = folder.resolve("template.jinja");
    java.nio.file.Files.writeString(template, TEMPLATE);
    try (FakeLlamaServer fake = new FakeLlamaServer(served, loaded)) {
      fake.template = text -> "<user>" + text + "<assistant>";
      fault.accept(fake);
      try (LlamaServer server = new LlamaServer(String.valueOf(fake.port()))) {
        int[] tokens = IntStream.range(0, 24).map(i -> 3 + 7 * i % 90).toArray();
        return ServerProof.of(
                server,
                base,
                adapter,
                Optional.of(template.toString()),
                List.of(tokens),
                1,
                _ -> {})
            .findings();
      }
    }
  }

  private static void assertOnly(String subject, String words, List<Finding> findings) {
    List<Finding> different = findings.stream().filter(Finding::differs).toList();
    assertEquals(
        List.of(subject), different.stream().map(Finding::subject).toList(), findings.toString());
    assertTrue(different.getFirst().words().contains(words), different.toString());
  }

  @Test
  void theRightServerPasses() throws IOException {
    List<Finding> findings = findings(base, adapter, _ -> {});
    assertEquals(
        List.of("vocabulary", "begin token", "chat template", "adapters", "log probabilities"),
        findings.stream().map(Finding::subject).toList());
    assertTrue(findings.stream().noneMatch(Finding::differs), findings.toString());
    assertTrue(
        findings.getLast().words().startsWith("those of base and adapter"), findings.toString());
  }

  @Test
  void faultsAreTold() throws IOException {
    String probabilities = "log probabilities";
    assertOnly(probabilities, "doesn't apply it", findings(base, adapter, fake -> fake.scale = 0));
    assertOnly(probabilities, "with scale 2.0", findings(base, adapter, fake -> fake.scale = 2));
    assertOnly(
        probabilities, "with scale 1.25", findings(base, adapter, fake -> fake.scale = 1.25f));
    assertOnly(
        probabilities,
        "prompt cache",
        findings(base, adapter, fake -> fake.staleScale = Optional.of(0f)));
    assertOnly(
        "chat template",
        "the server writes \"[INST]",
        findings(base, adapter, fake -> fake.template = text -> "[INST]" + text));
    assertOnly("begin token", "no token", findings(base, adapter, fake -> fake.begins = false));
    Path another = adapter("another", 6);
    assertOnly(probabilities, "another one", findings(base, another, _ -> {}));
    Path otherBase = RandomModel.of(TensorType.Q4_0).seed(9).write(folder.resolve("other.gguf"));
    assertOnly(probabilities, "another one", findings(otherBase, adapter, _ -> {}));
    assertOnly("vocabulary", "other tokens", findings(base, adapter, fake -> fake.shift = 1));
  }

  /// A llama-server lists nothing where the likeliest token is a part of a character.
  @Test
  void placesWithoutLogProbabilitiesAreLeftOut() throws IOException {
    List<Finding> findings = findings(base, adapter, fake -> fake.unlisted = 3);
    assertTrue(findings.stream().noneMatch(Finding::differs), findings.toString());
  }

  @Test
  void aServerWithoutLogProbabilitiesIsRefused() {
    InvalidInputException problem =
        assertThrows(
            InvalidInputException.class, () -> findings(base, adapter, fake -> fake.unlisted = 1));
    assertTrue(problem.getMessage().contains("no log probabilities"), problem.getMessage());
  }

  @Test
  void addresses() throws IOException {
    for (String wrong : List.of("ftp://a/b", "http://", "a b", "", "99999")) {
      assertThrows(InvalidInputException.class, () -> new LlamaServer(wrong).close(), wrong);
    }
    try (LlamaServer server = new LlamaServer("8080")) {
      assertEquals("http://127.0.0.1:8080", server.address().toString());
    }
    try (LlamaServer nobody = new LlamaServer("http://127.0.0.1:1/")) {
      IOException problem = assertThrows(IOException.class, nobody::props);
      assertTrue(problem.getMessage().contains("http://127.0.0.1:1/props"), problem.getMessage());
    }
  }
}

package io.lorikeet.finetune.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.text.ChatVocabulary;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.models.text.template.Fixtures;
import io.lorikeet.models.text.template.ServedTemplate;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Ollama's templates make the prompts that the chat templates make, or there is none.
@Tag("slow")
final class OllamaTemplateTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path folder;

  /// All chat templates of llama.cpp's repository, and those that Lorikeet brings along.
  private static Map<String, String> sources() {
    Map<String, String> sources = new TreeMap<>(Fixtures.read().templates());
    for (String name : ChatTemplates.BUILT_IN) {
      sources.put(name, ChatTemplates.builtIn(name).source());
    }
    return sources;
  }

  private Map<String, ServedTemplate> served(Map<String, String> sources) throws IOException {
    Map<String, ServedTemplate> served = new LinkedHashMap<>();
    Path base = ChatVocabulary.bytePairs(folder.resolve("base.gguf"), "");
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      for (Map.Entry<String, String> source : sources.entrySet()) {
        ChatTemplate template = ChatTemplate.of(source.getKey(), source.getValue());
        served.put(
            source.getKey(), ServedTemplate.of(template, Optional.empty(), tokenizer.vocabulary()));
      }
    }
    return served;
  }

  /// Those that Ollama's language can say; all others know tools, or thoughts, or say the system
  /// prompt elsewhere.
  private static final Set<String> SAID =
      Set.of(
          "google-gemma-2-2b-it",
          "microsoft-Phi-3.5-mini-instruct",
          "chatml",
          "llama3",
          "mistral-v7",
          "mistral-v7-tekken",
          "phi3",
          "phi4",
          "vicuna",
          "zephyr");

  /// Formats that resemble the common ones, and are others.
  private static final Map<String, String> ALIKE =
      Map.of(
          "ChatML with a default system prompt",
          "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are \"Q\", a {{ '{{' }}helper}}."
              + "<|im_end|>\n{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
              + "<|im_end|>\n{% endfor %}<|im_start|>assistant\n",
          "Phi 4",
          "{% for m in messages %}<|im_start|>{{ m.role }}<|im_sep|>{{ m.content }}<|im_end|>"
              + "{% endfor %}<|im_start|>assistant<|im_sep|>",
          "gpt-oss's, in short",
          "{% for m in messages %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endfor %}"
              + "<|start|>assistant",
          "GLM 4's, in short",
          "[gMASK]<sop>{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}<|assistant|>",
          "the system prompt inside of the user's turn",
          "{% for m in messages if m.role != 'system' %}{% if m.role == 'user' %}[INST] "
              + "{% if loop.first and messages[0].role == 'system' %}{{ messages[0].content }}\n\n{% endif %}"
              + "{{ m.content }} [/INST]{% elif m.role == 'assistant' %} {{ m.content }}</s>{% endif %}{% endfor %}");

  @Test
  void aTemplateIsSaidOrIsNot() throws IOException {
    Map<String, String> obstacles = new TreeMap<>();
    served(sources())
        .forEach((name, template) -> obstacles.put(name, OllamaTemplate.of(template).obstacle()));
    List<String> said = new ArrayList<>(obstacles.keySet());
    said.removeIf(name -> !obstacles.get(name).isEmpty());
    assertEquals(SAID, Set.copyOf(said));
    assertEquals("thoughts", obstacles.get("Qwen-Qwen3-0.6B"));
    assertEquals("tools and their answers", obstacles.get("Qwen-Qwen2.5-7B-Instruct"));
    assertEquals("several turns", obstacles.get("mistralai-Mistral-Nemo-Instruct-2407"));
    for (ServedTemplate template : served(ALIKE).values()) {
      assertEquals("", OllamaTemplate.of(template).obstacle());
    }
  }

  /// Go itself makes the prompts of the Jinja, for each template that is said.
  @Test
  void goMakesTheSamePrompts() throws Exception {
    boolean required = "1".equals(System.getenv("LORIKEET_REQUIRE_GO"));
    assumeTrue(
        required || hasGo(), "no Go: Ollama's templates weren't executed; Debian has golang-go");
    Map<String, String> sources = sources();
    sources.keySet().retainAll(SAID);
    sources.putAll(ALIKE);
    List<Map<String, Object>> cases = new ArrayList<>();
    List<String> expected = new ArrayList<>();
    for (ServedTemplate template : served(sources).values()) {
      String said = OllamaTemplate.of(template).text().orElseThrow();
      for (Conversation probe :
          OllamaTemplate.PROBES.values().stream().flatMap(List::stream).toList()) {
        OllamaTemplate.prompt(template, probe)
            .ifPresent(
                prompt -> {
                  cases.add(Map.of("template", said, "messages", messages(probe)));
                  expected.add(prompt);
                });
      }
    }
    assertTrue(expected.size() > 150, "only " + expected.size());
    assertEquals(expected, executed(cases));
  }

  private static List<Map<String, String>> messages(Conversation conversation) {
    return conversation.messages().stream()
        .map(message -> Map.of("Role", message.role(), "Content", message.text()))
        .toList();
  }

  private static boolean hasGo() {
    return Stream.of(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(place -> Files.isExecutable(Path.of(place, "go")));
  }

  private List<String> executed(List<Map<String, Object>> cases) throws Exception {
    Path program = folder.resolve("ollama.go");
    try (InputStream source = getClass().getResourceAsStream("ollama.go")) {
      Files.copy(source, program);
    }
    Path input = Files.write(folder.resolve("cases.json"), JSON.writeValueAsBytes(cases));
    Path output = folder.resolve("texts.json");
    Path errors = folder.resolve("errors.txt");
    ProcessBuilder go = new ProcessBuilder("go", "run", program.toString());
    go.environment().put("GO111MODULE", "off");
    go.environment().putIfAbsent("GOCACHE", folder.resolve("cache").toString());
    Process process =
        go.redirectInput(input.toFile())
            .redirectOutput(output.toFile())
            .redirectError(errors.toFile())
            .start();
    assertEquals(0, process.waitFor(), () -> text(errors));
    return JSON.readValue(Files.readAllBytes(output), new TypeReference<List<String>>() {});
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FolderTemplatesTest {
  @TempDir private Path folder;
  private TinyFolder tiny;
  private Path output;

  @BeforeEach
  void nameFiles() {
    tiny = new TinyFolder(folder.resolve("tiny-llama"), "LlamaForCausalLM");
    output = folder.resolve("out.gguf");
  }

  /// A folder that only a tokenizer was saved in.
  @Test
  void aTokenizersOwnTemplate() throws IOException {
    Path path = Files.createDirectory(folder.resolve("tokenizer"));
    assertEquals(Optional.empty(), FolderTemplates.own(path));
    Files.writeString(path.resolve("chat_template.jinja"), "\ufeff{{ 'd' }}");
    assertEquals(Optional.of("{{ 'd' }}"), FolderTemplates.own(path));
    Path config = path.resolve("tokenizer_config.json");
    Files.writeString(config, "{\"chat_template\": \"{{ 'c' }}\"}");
    assertEquals(Optional.of("{{ 'c' }}"), FolderTemplates.own(path));
    Files.writeString(config, "{\"chat_template\": ");
    assertThrows(InvalidInputException.class, () -> FolderTemplates.own(path));
  }

  @Test
  void templatesComeFromWhereverTheyAre() throws IOException {
    Path path = tiny.write();
    Files.writeString(path.resolve("chat_template.jinja"), "\ufeff{{ 'd' }}");
    Files.createDirectory(path.resolve("additional_chat_templates"));
    Files.writeString(path.resolve("additional_chat_templates/tool-use.jinja"), "\ufeff{{ 't' }}");
    notes(path);
    try (GgufFile file = GgufFile.open(output)) {
      assertEquals("{{ 'd' }}", file.metadata().requireString("tokenizer.chat_template"));
      assertEquals("{{ 't' }}", file.metadata().requireString("tokenizer.chat_template.tool_use"));
      assertEquals(List.of("tool_use"), file.metadata().requireStrings("tokenizer.chat_templates"));
    }
    tiny.tokenizerConfig.put("chat_template", "\ufeff{{ 'c' }}");
    tiny.write();
    notes(path);
    try (GgufFile file = GgufFile.open(output)) {
      assertEquals("{{ 'c' }}", file.metadata().requireString("tokenizer.chat_template"));
    }
  }

  @Test
  void templatesThatDifferAreSaid() throws IOException {
    tiny.tokenizerConfig.put("chat_template", "{{ 'c' }}");
    Path path = tiny.write();
    Path jinja = path.resolve("chat_template.jinja");
    assertEquals(List.of(), notes(path));
    Files.writeString(jinja, "{{ 'c' }}\n");
    assertEquals(List.of(), notes(path));
    Files.writeString(jinja, "{{ 'd' }}");
    assertEquals(1, notes(path).size());
    assertTrue(
        notes(path)
            .getFirst()
            .startsWith("chat_template.jinja has another chat template than tokenizer_config.json"),
        notes(path)::toString);
    Files.writeString(path.resolve("chat_template.json"), "{\"chat_template\": \"{{ 'e' }}\"}");
    assertEquals(2, notes(path).size());
  }

  private List<String> notes(Path model) throws IOException {
    return ModelConverter.convert(model, output, Optional.of("F32"), 1, _ -> {});
  }
}

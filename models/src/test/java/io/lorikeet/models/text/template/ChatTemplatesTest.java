package io.lorikeet.models.text.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Which template a name means.
class ChatTemplatesTest {
  private static final String KEY = "tokenizer.chat_template";

  @TempDir private Path folder;

  private ChatTemplates of(Map<String, String> templates) throws IOException {
    GgufWriter writer = new GgufWriter().putString("general.architecture", "llama");
    templates.forEach(writer::putString);
    Path file = folder.resolve("base.gguf");
    writer.write(file);
    try (GgufFile base = GgufFile.open(file)) {
      return ChatTemplates.of(base.metadata(), "base.gguf");
    }
  }

  @Test
  void aBasesOwnTemplates() throws IOException {
    ChatTemplates templates =
        of(Map.of(KEY, "plain", KEY + ".tool_use", "tools", KEY + ".rag", "papers"));
    assertEquals("plain", templates.own().orElseThrow().source());
    assertEquals("tools", templates.forTools().orElseThrow().source());
    assertEquals("tools", templates.named("tool_use").source());
    assertEquals("papers", templates.named("rag").source());
  }

  @Test
  void aTemplateForToolsServesForAllWhereThereIsNoOther() throws IOException {
    ChatTemplates templates = of(Map.of(KEY, " \n", KEY + ".tool_use", "tools"));
    assertEquals("tools", templates.own().orElseThrow().source());
    assertTrue(of(Map.of()).own().isEmpty());
  }

  @Test
  void namesGoBeforeFiles() throws IOException {
    Path file = Files.writeString(folder.resolve("mine.jinja"), "mine");
    ChatTemplates templates = of(Map.of(KEY + ".chatml", "the base's own"));
    assertEquals("the base's own", templates.named("chatml").source());
    assertEquals(ChatTemplates.builtIn("zephyr").source(), templates.named("zephyr").source());
    assertEquals("mine", templates.named(file.toString()).source());
  }

  @Test
  void anUnknownNameIsAnsweredWithAllThereAre() throws IOException {
    ChatTemplates templates = of(Map.of(KEY, "plain", KEY + ".rag", "papers"));
    Exception refused = assertThrows(InvalidInputException.class, () -> templates.named("rags"));
    assertTrue(refused.getMessage().contains("the templates are rag, chatml"), refused::getMessage);
  }
}

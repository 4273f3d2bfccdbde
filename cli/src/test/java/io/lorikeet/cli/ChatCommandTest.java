package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufValue;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A chat whose lines come from a file, on a random base.
@ExtendWith(LeakCheck.class)
class ChatCommandTest {
  private static final String TEMPLATE =
      "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant]";

  @TempDir private static Path folder;
  private static Path base;
  private static Path adapter;

  @BeforeAll
  static void makeFiles() throws IOException {
    base =
        RandomModel.of(TensorType.F32)
            .put("tokenizer.chat_template", new GgufValue.TextValue(TEMPLATE))
            .write(folder.resolve("base.gguf"));
    adapter = folder.resolve("accent.gguf");
    try (GgufFile gguf = GgufFile.open(base)) {
      LoraAdapter lora =
          new LoraAdapter("llama", 8, RandomInputs.pairs(gguf, List.of("attn_q", "ffn_up"), 4, 3));
      AdapterExporter.write(lora, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), adapter);
    }
  }

  private static CommandRun chat(String input, Object... more) {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
    try {
      List<Object> args =
          new ArrayList<>(
              List.of("chat", "--model", base, "--tokens", 6, "--temperature", 0, "--threads", 1));
      args.addAll(List.of(more));
      return CommandRun.of(args.toArray());
    } finally {
      System.setIn(before);
    }
  }

  @Test
  void repliesRememberAndForget() {
    String out = chat("a b\nc\n/history\n/reset\na b\n/history\n", "--system", "s").out();
    List<String> lines = out.lines().toList();
    String first = lines.get(0);
    assertTrue(first.endsWith("[cut off]"), out);
    int history = lines.indexOf("system: s");
    assertEquals("user: a b", lines.get(history + 1), out);
    assertTrue(first.startsWith(lines.get(history + 2).substring("assistant: ".length())), out);
    assertEquals("user: c", lines.get(history + 3), out);
    int reset = lines.indexOf("a new conversation");
    assertEquals(first, lines.get(reset + 1), out);
    assertFalse(lines.subList(reset, lines.size()).contains("user: c"), out);
  }

  @Test
  void changesAdaptersWhileItRuns() {
    String alone = chat("a b\n").assertSucceeds().out();
    String adapted = chat("a b\n", "--adapter", adapter).assertSucceeds().out();
    assertNotEquals(alone, adapted);
    String out =
        chat("/adapter accent 0\na b\n/adapter accent 1\n/reset\na b\n", "--adapter", adapter)
            .out();
    assertEquals(
        "adapter accent at 0.0\n" + alone + "adapter accent at 1.0\na new conversation\n" + adapted,
        out.replace("\r", ""));
    String loaded = chat("/adapter " + adapter + "\na b\n").out();
    assertEquals("adapter accent at 1.0\n" + adapted, loaded);
  }

  @Test
  void mistakesDontEndTheChat() {
    String out =
        chat("/adapter nobody 1\n/adapter accent x\n/shout\n\n/quit\na b\n", "--adapter", adapter)
            .assertSucceeds()
            .out();
    assertEquals(3, out.lines().count(), out);
    assertTrue(out.contains("no adapter is called 'nobody'; there are: accent"), out);
    assertTrue(out.contains("scale: expected a number from -1000000 to 1000000, found 'x'"), out);
    assertTrue(out.contains("unknown: /shout"), out);
    String full = chat("a b c d e f g h i j k l m\n", "--context", 12).assertSucceeds().out();
    assertTrue(full.contains("longer --context"), full);
  }

  @Test
  void refusesWhatCantBeRight() throws IOException {
    Path plain = RandomModel.of(TensorType.F32).seed(2).write(folder.resolve("plain.gguf"));
    CommandRun.of("chat", "--model", plain).assertFails(2, "no chat template", "chatml");
    CommandRun.of("chat", "--model", plain, "--template", "chatml", "--adapter", adapter)
        .assertFails(2, "another file");
    CommandRun.of("chat", "--model", base, "--context", 9999).assertFails(2, "256");
    CommandRun.of("chat", "--model", base, "--temperature", -1).assertFails(2, "--temperature");
    CommandRun.of("chat", "--model", base, "--template", "none").assertFails(2, "'none'");
  }
}

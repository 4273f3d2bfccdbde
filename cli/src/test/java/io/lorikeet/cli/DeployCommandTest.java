package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufValue;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `deploy` and `serve`, with small programs in the places of ollama and llama-server.
@Tag("slow")
class DeployCommandTest {
  @TempDir private static Path folder;
  private static Path base;
  private static Path adapter;

  @TempDir private Path home;

  @BeforeAll
  static void makeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    adapter = adapter(base, "Parrot 1.gguf");
  }

  private static Path adapter(Path model, String name) throws IOException {
    Path file = folder.resolve(name);
    try (GgufFile gguf = GgufFile.open(model)) {
      LoraAdapter lora =
          new LoraAdapter("llama", 4, RandomInputs.pairs(gguf, List.of("attn_q", "ffn_up"), 4, 3));
      AdapterExporter.write(lora, new AdapterMetadata(BaseIdentity.of(gguf), Map.of()), file);
    }
    return file;
  }

  @Test
  void forLlamaServerTheCommandIsTold() throws IOException {
    String out =
        CommandRun.of("deploy", adapter, "--model", base, "--to", "llama-server")
            .assertSucceeds()
            .out();
    assertTrue(
        out.contains("llama-server -m " + base + " --lora '" + adapter + "'"),
        () -> "said: " + out);
    Path other = RandomModel.of(TensorType.Q8_0).write(folder.resolve("other.gguf"));
    CommandRun.of("deploy", adapter, "--model", other, "--to", "llama-server")
        .assertFails(2, "other");
    CommandRun.of("deploy", adapter, "--to", "llama-server").assertFails(2, "--model is missing");
    CommandRun.of("deploy", adapter, "--model", base, "--to", "chatgpt")
        .assertFails(2, "chatgpt", "llama-server");
    CommandRun.of("deploy", home, "--to", "ollama").assertFails(2, "holds no run");
    CommandRun.of("deploy", adapter, "--model", base, "--to", "llama-server", "--output", "x.gguf")
        .assertFails(2, "--output is for ollama and lmstudio");
  }

  @Test
  void aRunKnowsItsBase() throws IOException {
    Path run = Files.createDirectory(home.resolve("parrot-run"));
    Files.writeString(run.resolve("config.yaml"), "model: " + base + "\n");
    CommandRun.of("deploy", run, "--to", "llama-server")
        .assertFails(2, "has no adapter yet", "train --resume");
    Files.copy(adapter, run.resolve("adapter.gguf"));
    String out = CommandRun.of("deploy", run, "--to", "llama-server").assertSucceeds().out();
    assertTrue(out.contains("-m " + base + " --lora " + run.resolve("adapter.gguf")), out);
  }

  @Test
  void lmStudioGetsAProvenFileInItsFolder() throws IOException {
    String before = System.getProperty("user.home");
    System.setProperty("user.home", home.toString());
    try {
      Object[] command = {
        "deploy", adapter, "--model", base, "--to", "lmstudio", "--threads", 1, "--name", "My Bird"
      };
      CommandRun.of(command).assertFails(2, "LM Studio has no folder", "--output");
      Files.createDirectories(home.resolve(".lmstudio/models"));
      CommandRun run = CommandRun.of(command).assertSucceeds();
      assertTrue(run.out().contains("verified: the merged file"), run.out());
      Path merged = home.resolve(".lmstudio/models/local/my-bird/my-bird.gguf");
      try (GgufFile file = GgufFile.open(merged)) {
        assertEquals(TensorType.Q4_0, file.tensor("blk.0.attn_q.weight").orElseThrow().type());
      }
      assertTrue(Files.mismatch(merged, base) >= 0);
      CommandRun.of(command).assertFails(2, "exists already", "--force");
    } finally {
      System.setProperty("user.home", before);
    }
  }

  private Path program(String name, String script) throws IOException {
    Path file = Files.writeString(home.resolve(name), "#!/bin/sh\n" + script + "\n");
    assertTrue(file.toFile().setExecutable(true));
    return file;
  }

  private Process start(Path log, Object... arguments) throws IOException {
    List<String> command = new ArrayList<>(ProgramProcess.command());
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("PATH", home + ":/usr/bin:/bin");
    builder.directory(home.toFile());
    return builder.redirectOutput(log.toFile()).start();
  }

  @Test
  void ollamaIsGivenTheMergedFile() throws Exception {
    program("ollama", "printf '%s\\n' \"$@\" >seen; cat \"$4\" >>seen");
    Path log = home.resolve("log");
    Process process =
        start(log, "deploy", adapter, "--model", base, "--to", "ollama", "--threads", 1);
    assertEquals(0, ProgramProcess.finish(process), () -> text(log));
    assertTrue(text(log).contains("ollama run parrot-1"), text(log));
    List<String> seen = Files.readAllLines(home.resolve("seen"));
    assertEquals(List.of("create", "parrot-1", "-f", "parrot-1.Modelfile"), seen.subList(0, 4));
    assertEquals("FROM " + home.toRealPath().resolve("parrot-1.gguf"), seen.get(4));
    assertEquals("TEMPLATE \"\"\"{{ .Prompt }}\"\"\"", seen.get(5));
    program("ollama", "echo out of luck; exit 7");
    process =
        start(log, "deploy", adapter, "--model", base, "--to", "ollama", "--threads", 1, "--force");
    assertEquals(1, ProgramProcess.finish(process), () -> text(log));
    assertTrue(text(log).contains("ollama create ended with 7: out of luck"), text(log));
  }

  private static String text(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /// A template that says something about tools, as nearly all do, can't be said in Go's language.
  @Test
  void ollamaIsRefusedWhatItWouldPromptOtherwise() throws IOException {
    Path chatting =
        RandomModel.of(TensorType.Q4_0)
            .put(
                "tokenizer.chat_template",
                new GgufValue.TextValue(
                    "{% for t in tools %}{{ t.function.name }}{% endfor %}"
                        + "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"))
            .write(folder.resolve("chatting.gguf"));
    Path own = adapter(chatting, "chatting-adapter.gguf");
    CommandRun.of("deploy", own, "--model", chatting, "--to", "ollama")
        .assertFails(2, "Ollama can't serve it rightly", "tools", "llama-server", "--force");
    assertFalse(Files.exists(Path.of("chatting-adapter.gguf")));
  }

  @Test
  void serveEndsWithItsServer() throws Exception {
    Path seen = home.resolve("seen");
    List<String> java = ProgramProcess.command();
    List<String> fake = new ArrayList<>(java.subList(0, java.size() - 1));
    fake.add(FakeServer.class.getName());
    fake.add(seen.toString());
    program(
        "llama-server",
        "exec "
            + String.join(" ", fake.stream().map(word -> "'" + word + "'").toList())
            + " \"$@\"");
    Path log = home.resolve("log");
    int port = freePort();
    Process process = start(log, "serve", adapter, "--model", base, "--port", port);
    for (int i = 0; i < 1200 && !text(log).contains("http://127.0.0.1:" + port); i++) {
      assertTrue(process.isAlive(), () -> text(log));
      Thread.sleep(100);
    }
    assertTrue(text(log).contains("Parrot 1 is served: http://127.0.0.1:" + port), text(log));
    List<String> arguments = Files.readAllLines(seen);
    ProcessHandle server = ProcessHandle.of(Long.parseLong(arguments.getFirst())).orElseThrow();
    assertEquals(
        List.of("-m", base.toString(), "--lora", adapter.toString(), "--host", "127.0.0.1"),
        arguments.subList(1, 7));
    process.destroy(); // SIGTERM
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    server.onExit().get(60, TimeUnit.SECONDS);
    program("llama-server", "echo no such thing; exit 3");
    process = start(log, "serve", "--model", base);
    assertEquals(1, ProgramProcess.finish(process), () -> text(log));
    assertTrue(text(log).contains("llama-server ended with 3: no such thing"), text(log));
    CommandRun.of("serve", "--model", base, "--server", home.resolve("none"))
        .assertFails(2, "is no program");
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}

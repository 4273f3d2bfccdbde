package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.NativeLibrary;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The program in `examples/`, started from its source as its README says.
@Tag("slow")
class ExampleProgramTest {
  @TempDir private Path folder;

  @Test
  void trainsAndProves() throws IOException, InterruptedException {
    Path base = RandomModel.of(TensorType.Q4_0).context(32).write(folder.resolve("base.gguf"));
    Path data = folder.resolve("data.jsonl");
    Files.writeString(data, "{\"prompt\": \"say a\", \"completion\": \" a said\"}\n".repeat(4));
    Path adapter = folder.resolve("adapter.gguf");
    Path source = Path.of("../examples/project/src/main/java/example/FineTune.java");
    Path alone = Files.createDirectory(folder.resolve("example")).resolve("FineTune.java");
    Files.copy(source, alone); // beside module-info.java it would be compiled as a module
    ProcessBuilder program =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Dlorikeet.native.dir=" + NativeLibrary.load().location().folder(),
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                alone.toString(),
                base.toString(),
                data.toString(),
                adapter.toString())
            .redirectErrorStream(true);
    program.environment().remove("GGML_VK_VISIBLE_DEVICES"); // the CPU, where there is no GPU
    Process process = program.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    assertTrue(output.contains("proof in llama.cpp: "), output);
    assertTrue(output.contains("adapter in " + adapter), output);
    try (GgufFile file = GgufFile.open(adapter)) {
      assertEquals("adapter", file.metadata().requireString("general.type"));
      assertTrue(file.tensor("blk.1.ffn_down.weight.lora_b").isPresent());
    }
  }
}

package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_init_params;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AbortMessageTest {
  @Test
  void anAbortNamesTheOperation(@TempDir Path folder) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=" + folder.resolve("error.log"),
                "-Dlorikeet.native.dir=" + NativeLibrary.load().location().folder(),
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                Violation.class.getName())
            .redirectErrorStream(true)
            .directory(folder.toFile())
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertNotEquals(0, process.waitFor(), output);
    assertTrue(output.contains("The operation begun last: reshape of a test"), output);
  }

  /// A program that ggml aborts: a reshape to another number of elements.
  static final class Violation {
    public static void main(String[] arguments) {
      NativeLibrary.load();
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment parameters = ggml_init_params.allocate(arena);
        ggml_init_params.mem_size(parameters, 8 * Ggml.ggml_tensor_overhead());
        ggml_init_params.no_alloc(parameters, true);
        MemorySegment context = Ggml.ggml_init(parameters);
        MemorySegment tensor = Ggml.ggml_new_tensor_1d(context, TensorType.F32.id(), 6);
        CurrentOperation.set("reshape of a test");
        Ggml.ggml_reshape_1d(context, tensor, 7);
      }
    }
  }
}

package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.lorikeet.bindings.NativeLibrary;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.finetune.FineTuning;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.loop.Trainer;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// No class of Lorikeet can open a network connection or start a program, but for those that do it
/// for a reason: none names a class of the JDK that could.
@Tag("slow")
class NoNetworkTest {
  @TempDir private Path folder;

  private static final List<String> FORBIDDEN =
      List.of(
          "java/net/Socket",
          "java/net/ServerSocket",
          "java/net/DatagramSocket",
          "java/net/MulticastSocket",
          "java/net/URL",
          "java/net/URLConnection",
          "java/net/HttpURLConnection",
          "java/net/InetAddress",
          "java/net/InetSocketAddress",
          "java/net/http/HttpClient",
          "java/nio/channels/SocketChannel",
          "java/nio/channels/ServerSocketChannel",
          "java/nio/channels/DatagramChannel",
          "java/nio/channels/AsynchronousSocketChannel",
          "java/lang/ProcessBuilder");

  /// The libraries' own jar is found by its URL. `lorikeet natives` starts what installs them, when
  /// it is asked to, `serve` and `deploy` start what serves models, and a scorer may be a program.
  /// `verify --server` asks the server that it is given, and `watch` answers browsers of this
  /// machine. Only `pull`, and `plan` for a file on a hub, ask the internet.
  private static final List<String> FOR_A_REASON =
      List.of(
          "io/lorikeet/bindings/NativeJar.class names java/net/URL",
          "io/lorikeet/finetune/serving/LlamaServer.class names java/net/http/HttpClient",
          "io/lorikeet/finetune/serving/ServingProgram.class names java/lang/ProcessBuilder",
          "io/lorikeet/finetune/scoring/ProgramScorer$Running.class names java/lang/ProcessBuilder",
          "io/lorikeet/finetune/report/LiveServer.class names java/net/InetAddress",
          "io/lorikeet/finetune/report/LiveServer.class names java/net/InetSocketAddress",
          "io/lorikeet/finetune/hub/HubClient.class names java/net/http/HttpClient",
          "io/lorikeet/finetune/hub/EnvironmentProxy.class names java/net/InetSocketAddress",
          "io/lorikeet/bindings/InstalledNatives.class names java/lang/ProcessBuilder");

  @Test
  void noClassNamesWhatOpensConnectionsOrStartsPrograms() throws Exception {
    List<String> found = new ArrayList<>();
    int[] classes = {0};
    for (Path place : places()) {
      if (Files.isDirectory(place)) {
        scan(place, found, classes);
      } else {
        try (FileSystem jar = FileSystems.newFileSystem(place)) {
          scan(jar.getPath("/"), found, classes);
        }
      }
    }
    assertTrue(classes[0] > 300, classes[0] + " classes");
    found.removeAll(FOR_A_REASON);
    assertEquals(List.of(), found);
  }

  /// Beside what classes name: what a process really has open, native libraries included. No socket
  /// while it scans devices, trains, writes and verifies.
  @Test
  void aTrainingProcessOpensNoSocket() throws Exception {
    Path links = Path.of("/proc/self/fd");
    assumeTrue(Files.isDirectory(links), "only Linux tells what a process has open");
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    Path data = folder.resolve("data.jsonl");
    Files.writeString(data, "{\"prompt\": \"a\", \"completion\": \"b\"}\n".repeat(8));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.add("--enable-native-access=ALL-UNNAMED");
    System.getProperties().stringPropertyNames().stream()
        .filter(key -> key.startsWith("lorikeet."))
        .forEach(key -> command.add("-D" + key + "=" + System.getProperty(key)));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(SocketCount.class.getName());
    command.addAll(List.of("train", "--model", base.toString(), "--data", data.toString()));
    command.addAll(List.of("--output", folder.resolve("a.gguf").toString(), "--device", "cpu"));
    command.addAll(List.of("--threads", "1", "--steps", "2", "--context", "32"));
    Path log = folder.resolve("log");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectInput(ProcessBuilder.Redirect.from(data.toFile()))
            .redirectOutput(log.toFile())
            .start();
    assertTrue(process.waitFor(120, TimeUnit.SECONDS), "it doesn't end");
    String text = Files.readString(log);
    assertEquals(0, process.exitValue(), text);
    String seen = "looked [1-9]\\d* times .* sockets beside [01] of the JDK's: 0, with a channel 1";
    assertTrue(Pattern.compile(seen).matcher(text).find(), text);
  }

  /// Where the classes of each module are.
  private static Set<Path> places() throws URISyntaxException {
    Set<Path> places = new LinkedHashSet<>();
    for (Class<?> one :
        List.of(
            NativeLibrary.class,
            GgufFile.class,
            TransformerModel.class,
            Trainer.class,
            AdapterExporter.class,
            FineTuning.class,
            Main.class)) {
      places.add(Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI()));
    }
    return places;
  }

  private static void scan(Path root, List<String> found, int[] classes) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(NoNetworkTest::isOurs).toList()) {
        classes[0]++;
        for (PoolEntry entry : ClassFile.of().parse(Files.readAllBytes(file)).constantPool()) {
          if (entry instanceof ClassEntry named && FORBIDDEN.contains(named.asInternalName())) {
            found.add(root.relativize(file) + " names " + named.asInternalName());
          }
        }
      }
    }
  }

  /// Tests may lie beside the classes they test.
  private static boolean isOurs(Path file) {
    String path = file.toString().replace('\\', '/');
    String name = file.getFileName() == null ? "" : file.getFileName().toString();
    return path.contains("io/lorikeet/")
        && name.endsWith(".class")
        && !name.matches("(.*Test|SocketCount|FakeServer)([$].*)?[.]class");
  }
}

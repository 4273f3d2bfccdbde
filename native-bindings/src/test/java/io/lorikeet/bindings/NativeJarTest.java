package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeJarTest {
  private static final String PREFIX = "natives/here/";

  @TempDir private Path folder;

  @Test
  void extractsOnceAndRepairs() throws IOException {
    Path jar = jar("a.jar", "some contents");
    Path first =
        NativeJar.extract(jar, entry -> entry.startsWith(PREFIX), folder.resolve("cache"))
            .orElseThrow();
    assertEquals("some contents", Files.readString(first.resolve("libone.so")));
    assertEquals(List.of("libone.so", "libtwo.so"), names(first));

    Files.writeString(first.resolve("libone.so"), "some");
    assertEquals(
        Optional.of(first),
        NativeJar.extract(jar, entry -> entry.startsWith(PREFIX), folder.resolve("cache")));
    assertEquals("some contents", Files.readString(first.resolve("libone.so")));
  }

  @Test
  void otherContentsGoElsewhere() throws IOException {
    Path first =
        NativeJar.extract(jar("a.jar", "contents 1"), entry -> entry.startsWith(PREFIX), folder)
            .orElseThrow();
    Path second =
        NativeJar.extract(jar("b.jar", "contents 2"), entry -> entry.startsWith(PREFIX), folder)
            .orElseThrow();
    assertNotEquals(first, second);
    assertEquals("contents 1", Files.readString(first.resolve("libone.so")));
  }

  @Test
  void aJarForAnotherPlatformHasNothing() throws IOException {
    assertEquals(
        Optional.empty(),
        NativeJar.extract(jar("a.jar", "x"), entry -> entry.startsWith("natives/there/"), folder));
  }

  @Test
  void severalAtOnceLeaveCompleteFiles() throws Exception {
    String contents = "0123456789".repeat(100_000);
    Path jar = jar("a.jar", contents);
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      Callable<Path> extraction =
          () -> {
            Path to =
                NativeJar.extract(jar, entry -> entry.startsWith(PREFIX), folder.resolve("cache"))
                    .orElseThrow();
            assertEquals(contents, Files.readString(to.resolve("libone.so")));
            return to;
          };
      for (Future<Path> done : threads.invokeAll(List.of(extraction, extraction, extraction))) {
        assertEquals(List.of("libone.so", "libtwo.so"), names(done.get()));
      }
    }
  }

  private Path jar(String name, String contents) throws IOException {
    Path jar = folder.resolve(name);
    try (OutputStream out = Files.newOutputStream(jar);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (String entry : List.of(PREFIX + "libone.so", PREFIX + "libtwo.so", "else/lib.so")) {
        zip.putNextEntry(new ZipEntry(entry));
        zip.write(contents.getBytes(StandardCharsets.UTF_8));
      }
    }
    return jar;
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }
}

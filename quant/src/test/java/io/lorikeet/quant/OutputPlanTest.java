package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputPlanTest {
  @TempDir Path folder;
  private Path base;

  @BeforeEach
  void makeInput() throws IOException {
    base = Files.writeString(folder.resolve("base.gguf"), "base");
  }

  @Test
  void anOutputIsNoInputUnderWhateverName() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("base.gguf"));
    Path second = Files.createSymbolicLink(folder.resolve("second"), link);
    Path hard = Files.createLink(folder.resolve("hard"), base);
    Path folderLink = Files.createSymbolicLink(folder.resolve("here"), folder);
    Path around = folder.resolve("none/../base.gguf");
    Files.createDirectory(folder.resolve("none"));
    for (Path output : List.of(base, link, second, hard, folderLink.resolve("base.gguf"), around)) {
      refused(
          new OutputPlan().reads("--model", base).writes("--output", output),
          "--output",
          output == base ? "" : ", " + output + ",",
          "would overwrite " + base + ", which is read (--model)");
      refused(
          new OutputPlan().reads("--model", output).writes("--output", base),
          "would overwrite " + output);
    }
    new OutputPlan()
        .reads("--model", base)
        .reads("--data", null)
        .reads("--imatrix", folder.resolve("isn't there"))
        .writes("--output", folder.resolve("new"))
        .check();
  }

  @Test
  void aSplitModelIsAllItsFiles() throws IOException {
    Path first = Files.writeString(folder.resolve("m-00001-of-00002.gguf"), "1");
    Path second = Files.writeString(folder.resolve("m-00002-of-00002.gguf"), "2");
    refused(
        new OutputPlan().reads("--model", first).writes("--output", second),
        "would overwrite " + second + ", which is read (--model)");
  }

  @Test
  @Tag("slow")
  void aFolderIsNotAWholeDisk() throws IOException {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    for (int i = 0; i < 100_000; i++) {
      Files.createFile(disk.resolve(Integer.toString(i)));
    }
    refused(
        new OutputPlan().reads("FOLDER", disk).writes("OUT", folder.resolve("out")),
        "FOLDER: the folder " + disk + " holds more than 100000 files");
    Files.delete(disk.resolve("0"));
    new OutputPlan().reads("FOLDER", disk).writes("OUT", folder.resolve("out")).check();
  }

  @Test
  void aFolderIsAllThatIsInIt() throws IOException {
    Path model = Files.createDirectory(folder.resolve("hf"));
    Path weights = Files.writeString(model.resolve("model.safetensors"), "weights");
    Path link = Files.createSymbolicLink(folder.resolve("link"), model);
    OutputPlan reading = new OutputPlan().reads("FOLDER", model);
    refused(reading.writes("OUT", weights), "OUT", "model.safetensors, which is read (FOLDER)");
    Path hard = Files.createLink(folder.resolve("hard"), weights);
    refused(new OutputPlan().reads("FOLDER", link).writes("OUT", hard), "OUT, " + hard);
    for (Path output :
        List.of(model.resolve("new.gguf"), link.resolve("new.gguf"), link.resolve("a/b/new"))) {
      refused(
          new OutputPlan().reads("FOLDER", model).writes("OUT", output),
          "into the folder " + model);
    }
    refused(new OutputPlan().reads("FOLDER", model).writes("OUT", model), "is a folder; give");
    refused(
        new OutputPlan().reads("FOLDER", link).writes("OUT", model, List.of("config.json")),
        "into the folder ",
        "which is read (FOLDER)");
    new OutputPlan().reads("FOLDER", model).writes("OUT", folder.resolve("hf.gguf")).check();
  }

  @Test
  void outputsAreDifferentFiles() throws IOException {
    Path run = folder.resolve("run");
    List<String> kept = List.of("config.yaml", "checkpoints");
    for (String name : List.of("config.yaml", "CONFIG.yaml", "checkpoints/step.gguf")) {
      refused(
          new OutputPlan().writes("--output", run.resolve(name)).keeps("--run", run, kept),
          "--output: " + run.resolve(name) + " would be written twice",
          "(--run)");
    }
    Path one = folder.resolve("one");
    Path link = Files.createSymbolicLink(folder.resolve("two"), one);
    refused(new OutputPlan().writes("--a", one).writes("--b", link), "written twice");
    new OutputPlan().writes("--output", run.resolve("a.gguf")).keeps("--run", run, kept).check();
  }

  @Test
  void whatExistsIsReplacedOnlyWhenAsked() throws IOException {
    Path output = Files.writeString(folder.resolve("a.gguf"), "before");
    OutputPlan plan = new OutputPlan().writes("--output", output);
    String message =
        assertThrows(InvalidInputException.class, () -> plan.claim(false)).getMessage();
    assertEquals(
        "--output: %s exists already. --force replaces it; %s is free"
            .formatted(output, folder.resolve("a-2.gguf")),
        message);
    Path peft = Files.createDirectory(folder.resolve("peft"));
    Files.createFile(peft.resolve("config.json"));
    OutputPlan inFolder =
        new OutputPlan().writes("--output", peft, List.of("config.json", "weights"));
    message = assertThrows(InvalidInputException.class, () -> inFolder.claim(false)).getMessage();
    assertTrue(message.contains(peft + " holds config.json already"), message);
    assertTrue(message.contains(folder.resolve("peft-2") + " is free"), message);
    inFolder.claim(true).close();
    try (OutputPlan.Claims _ = plan.claim(true);
        AtomicFile file = AtomicFile.create(output)) {
      Files.writeString(file.path(), "after");
      file.commit();
    }
    assertEquals("after", Files.readString(output));
  }

  @Test
  void oneAtATimeWritesAFile() throws IOException {
    Path output = folder.resolve("a.gguf");
    Path link = Files.createSymbolicLink(folder.resolve("link"), output);
    OutputPlan plan = new OutputPlan().writes("--output", output);
    try (OutputPlan.Claims _ = plan.claim(false)) {
      for (Path same : List.of(output, link)) {
        OutputPlan other = new OutputPlan().writes("--output", same);
        String message =
            assertThrows(InvalidInputException.class, () -> other.claim(true)).getMessage();
        assertTrue(message.contains(same + " is being written by another"), message);
      }
    }
    plan.claim(false).close();
    assertEquals(List.of(base, link), list());
  }

  @Test
  void aFileThatAppearsMeanwhileStays() throws IOException {
    Path output = folder.resolve("a.gguf");
    try (OutputPlan.Claims _ = new OutputPlan().writes("--output", output).claim(true)) {
      Files.writeString(output, "somebody else's");
      try (AtomicFile file = AtomicFile.create(output)) {
        Files.writeString(file.path(), "ours");
        String message = assertThrows(IOException.class, file::commit).getMessage();
        assertTrue(message.contains("has appeared meanwhile"), message);
        assertTrue(message.contains("The new file is " + output("a-2.gguf")), message);
      }
    }
    assertEquals("somebody else's", Files.readString(output));
    assertEquals("ours", Files.readString(output("a-2.gguf")));
    assertEquals(3, list().size());
  }

  private Path output(String name) throws IOException {
    return folder.toRealPath().resolve(name);
  }

  @Test
  void ownFilesCanBeWrittenAgain() throws IOException {
    Path output = folder.resolve("a.gguf");
    try (OutputPlan.Claims _ = new OutputPlan().writes("--output", output).claim(false)) {
      for (String text : List.of("one", "two")) {
        try (AtomicFile file = AtomicFile.create(output)) {
          Files.writeString(file.path(), text);
          file.commit();
        }
        assertEquals(text, Files.readString(output));
      }
    }
    assertEquals(List.of(output, base), list());
  }

  @Test
  void leftOversOfTheDeadGoAndThoseOfTheLivingStay() throws Exception {
    Process process = new ProcessBuilder("true").start();
    process.waitFor();
    String gone = ".a.gguf." + process.pid() + ".01234567.tmp";
    Path output = folder.resolve("a.gguf");
    Files.createFile(folder.resolve(gone));
    Path nested =
        Files.createFile(folder.resolve("." + gone + "." + process.pid() + ".89abcdef.tmp"));
    Files.createFile(folder.resolve(".a.gguf.lock"));
    Path ofAnother = Files.createFile(folder.resolve(".b" + gone));
    try (AtomicFile alive = AtomicFile.create(output)) {
      new OutputPlan().writes("--output", output).claim(false).close();
      assertTrue(Files.exists(alive.path()));
    }
    assertFalse(Files.exists(folder.resolve(gone)));
    assertFalse(Files.exists(nested));
    assertEquals(List.of(ofAnother, base), list());
  }

  @Test
  void aClaimThatFailsLeavesNothing() throws IOException {
    Path made = folder.resolve("x/y");
    Path none = folder.resolve("none/a.gguf");
    OutputPlan plan =
        new OutputPlan().writes("--output", made, List.of("a", "b")).writes("--json", none);
    String message = assertThrows(IOException.class, () -> plan.claim(false)).getMessage();
    assertTrue(message.contains("none doesn't exist"), message);
    assertEquals(List.of(base), list());
  }

  private static void refused(OutputPlan plan, String... words) throws IOException {
    String message = assertThrows(InvalidInputException.class, plan::check).getMessage();
    for (String word : words) {
      assertTrue(message.contains(word), message);
    }
    assertEquals(1, message.lines().count(), message);
    assertThrows(InvalidInputException.class, () -> plan.claim(true));
  }

  private List<Path> list() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }
}

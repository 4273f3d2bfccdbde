package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.finetune.bases.BaseFinder;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A base is found by whatever people give for it, in folders as other programs make them.
class BasesTest {
  @TempDir private static Path shared;
  private static Path base;

  @TempDir private Path home;
  private final List<String> notes = new ArrayList<>();

  @BeforeAll
  static void makeBase() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(shared.resolve("base.gguf"));
  }

  private static BaseFinder finder(Path home, Map<String, String> environment, List<String> notes) {
    return new BaseFinder(
        environment,
        home,
        home.resolve("cache"),
        1,
        new BaseFinder.Listener() {
          @Override
          public void note(String sentence) {
            notes.add(sentence);
          }

          @Override
          public void progress(String text) {
            // nobody looks
          }
        });
  }

  static BaseFinder finder(Path home) {
    return finder(home, Map.of(), new ArrayList<>());
  }

  private Path find(Object given) throws IOException {
    return finder(home, Map.of(), notes).find(Path.of(given.toString()));
  }

  private void refused(Object given, String... words) {
    String said = assertThrows(InvalidInputException.class, () -> find(given)).getMessage();
    for (String word : words) {
      assertTrue(said.contains(word), () -> "'" + word + "' expected in: " + said);
    }
  }

  /// @param place of a model from the user's folder
  private Path copy(String place) throws IOException {
    Path file = home.resolve(place);
    Files.createDirectories(file.getParent());
    return Files.copy(base, file);
  }

  @Test
  void filesAreThemselves() throws IOException {
    assertEquals(base, find(base));
    assertEquals(List.of(), notes);
  }

  @Test
  void aFolderOfLmStudioHasOneModel() throws IOException {
    Path model = copy(".lmstudio/models/somebody/Parrot-GGUF/parrot-Q4_0.gguf");
    copy(".lmstudio/models/somebody/Parrot-GGUF/mmproj-parrot.gguf");
    assertEquals(model, find(model.getParent()));
    assertEquals(model, find(model.getParent().getParent()));
    Path other = copy(".lmstudio/models/somebody/Parrot-GGUF/parrot-Q8_0.gguf");
    refused(model.getParent(), "several models", model.toString(), other.toString());
    refused("somebody/parrot-gguf", "there is no file", "did you mean " + model + "?");
    CommandRun.of("generate", home.resolve("empty"), "--prompt", "a")
        .assertFails(2, "there is no file " + home.resolve("empty"));
  }

  @Test
  void ofASplitModelTheFirstFileIsTaken() throws IOException {
    Path first = copy("split/m-00001-of-00002.gguf");
    copy("split/m-00002-of-00002.gguf");
    assertEquals(first, find(first.getParent()));
  }

  @Test
  void theHubsCacheIsReadByItsMainSnapshot() throws IOException {
    String repository = ".cache/huggingface/hub/models--some--Parrot/";
    Path old = copy(repository + "snapshots/aaa/parrot.gguf");
    Path main = copy(repository + "snapshots/bbb/parrot.gguf");
    Files.setLastModifiedTime(old.getParent(), FileTime.fromMillis(4_000_000_000_000L));
    Files.createDirectories(home.resolve(repository + "refs"));
    Files.writeString(home.resolve(repository + "refs/main"), "bbb");
    assertEquals(main, find(home.resolve(repository)));
    assertEquals(main, find(home.resolve(repository + "snapshots")));
    assertEquals(old, find(home.resolve(repository + "snapshots/aaa")));
    assertEquals(main, find("hf:some/Parrot/parrot.gguf"));
    assertEquals(old, find("hf:some/Parrot@aaa/parrot.gguf"));
    refused("hf:some/Parrot/other.gguf", "isn't on this machine", "pull hf:some/Parrot/other.gguf");
    refused("some/parrot", "did you mean " + home.resolve(repository) + "?");
    refused("hf:parrot.gguf", "expected hf:OWNER/REPO/FILE");
    refused("hf:../../etc/passwd", "expected hf:OWNER/REPO/FILE");
    Map<String, String> elsewhere = Map.of("HF_HOME", home.resolve("elsewhere").toString());
    assertThrows(
        InvalidInputException.class,
        () -> finder(home, elsewhere, notes).find(Path.of("hf:some/Parrot/parrot.gguf")));
  }

  @Test
  void aModelOfHuggingFaceIsConvertedOnce() throws IOException {
    Path snapshot = home.resolve("hub/models--some--Qwen/snapshots/ccc");
    HuggingFaceFolder.write(snapshot);
    Path made = find(home.resolve("hub/models--some--Qwen"));
    assertEquals("some_Qwen-Q4_K_M.gguf", made.getFileName().toString());
    assertTrue(made.startsWith(home.resolve("cache")), made.toString());
    assertEquals(1, notes.size());
    assertTrue(notes.getFirst().contains("converted and quantized to Q4_K_M once, into " + made));
    try (GgufFile file = GgufFile.open(made)) {
      assertTrue(file.tensor("blk.0.attn_q.weight").orElseThrow().type() != TensorType.F32);
    }
    FileTime time = Files.getLastModifiedTime(made);
    assertEquals(made, find(snapshot));
    assertEquals(time, Files.getLastModifiedTime(made));
    assertTrue(notes.getLast().contains("was converted before"), notes.getLast());
    Files.setLastModifiedTime(snapshot.resolve("model.safetensors"), FileTime.fromMillis(1000));
    assertFalse(find(snapshot).equals(made), "other weights are another model");
    CommandRun.of("imatrix", snapshot, base, "--output", home.resolve("x.gguf"))
        .assertFails(2, "is a folder");
  }

  @Test
  void foldersWithoutAModelAreRefused() throws IOException {
    Path adapter = Files.createDirectories(home.resolve("adapter"));
    Files.writeString(adapter.resolve("adapter_config.json"), "{}");
    refused(adapter, "is an adapter of PEFT", "import");
    Path empty = Files.createDirectories(home.resolve("empty"));
    refused(empty, "holds no model", "config.json");
    copy("models/llama-3.2-1b.gguf");
    refused(home.resolve("models/lama-3.2-1b.gguf"), "did you mean", "models/llama-3.2-1b.gguf?");
  }

  private Path ollama(String manifest, Path file, String kind) throws IOException {
    Path models = home.resolve(".ollama/models");
    String digest = "%064x".formatted(manifest.hashCode() & 0xffff);
    Path blob = models.resolve("blobs/sha256-" + digest);
    Files.createDirectories(blob.getParent());
    Files.copy(file, blob);
    Path list = models.resolve("manifests").resolve(manifest);
    Files.createDirectories(list.getParent());
    Files.writeString(
        list,
        """
        {"schemaVersion": 2, "config": {"mediaType": "application/vnd.docker.container.image.v1+json"},
         "layers": [{"mediaType": "application/vnd.ollama.image.%s", "digest": "sha256:%s"},
                    {"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:0"}]}
        """
            .formatted(kind, digest));
    return blob;
  }

  @Test
  void modelsOfOllamaAreFoundByName() throws IOException {
    Path latest = ollama("registry.ollama.ai/library/parrot/latest", base, "model");
    Path tagged = ollama("registry.ollama.ai/library/parrot/1b", base, "model");
    Path owned = ollama("registry.ollama.ai/some/parrot/latest", base, "model");
    Path hub = ollama("hf.co/some/Parrot-GGUF/Q4_0", base, "model");
    assertEquals(latest, find("ollama:parrot"));
    assertEquals(tagged, find("ollama:Parrot:1b"));
    assertEquals(owned, find("ollama:some/parrot"));
    assertEquals(hub, find("ollama:hf.co/some/Parrot-GGUF:Q4_0"));
    refused("ollama:parot:1b", "ollama:parrot:1b is", "'ollama pull parot:1b'");
    refused("parrot:1b", "there is no file", "did you mean ollama:parrot:1b?");
    Files.delete(tagged);
    refused("ollama:parrot:1b", "is missing", tagged.toString());
    Map<String, String> elsewhere = Map.of("OLLAMA_MODELS", shared.toString());
    assertThrows(
        InvalidInputException.class,
        () -> finder(home, elsewhere, notes).find(Path.of("ollama:parrot")));
  }

  @Test
  void modelsOfOllamasOwnEngineAreRefusedByName() throws IOException {
    ollama("registry.ollama.ai/library/tensors/latest", base, "tensor");
    refused("ollama:tensors", "ollama:tensors is a model of Ollama's own engine", "isn't a GGUF");
    Path seeing = home.resolve("seeing.gguf");
    new GgufWriter()
        .putString("general.architecture", "gemma3")
        .addTensor("v.blk.0.attn_q.weight", new long[] {1}, new float[1])
        .write(seeing);
    Path other = home.resolve("other.gguf");
    new GgufWriter().putString("general.architecture", "gptoss").write(other);
    ollama("registry.ollama.ai/library/seeing/latest", seeing, "model");
    ollama("registry.ollama.ai/library/other/latest", other, "model");
    refused("ollama:seeing", "Ollama's own engine", "v.blk.0.attn_q.weight");
    refused("ollama:other", "Ollama's own engine", "gptoss");
  }
}

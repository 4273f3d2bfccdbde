package io.lorikeet.export.peft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import io.lorikeet.quant.convert.ModelConverter;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Models of the transformers library with adapters that PEFT made of them (`models.py` beside
/// their folders): converted, imported, exported and imported again, they have the same logits in
/// llama.cpp.
@ExtendWith(LeakCheck.class)
class PeftModelsTest {
  /// Of the largest logit.
  private static final double BOUND = 1e-4;

  /// Where there is GELU: the CPU looks it up in a table of F16, and Gemma 3n has it 44 times.
  private static final double BOUND_OF_GELU = 4e-3;

  private static final String EXPECTED = "expected.safetensors";

  @TempDir private Path temporary;
  private Path folder;
  private double bound;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "qwen2_5_vl",
        "qwen3_vl",
        "qwen3_vl_moe",
        "gemma3n",
        "gemma4",
        "muse_glimmer",
        "qwen3_5",
        "qwen3_5_moe",
        "qwen3_next",
        "granitemoeshared",
        "granitemoehybrid",
        "nemotron_h",
        "nemotron_h_moe",
        "lfm2",
        "lfm2_moe"
      })
  void sameLogits(String name) throws IOException {
    bound = name.startsWith("gemma") ? BOUND_OF_GELU : BOUND;
    Path source = Files.createDirectory(temporary.resolve("model"));
    folder = Files.createDirectory(temporary.resolve("adapter"));
    for (String file : List.of("config.json", "model.safetensors")) {
      copy(name + "/" + file, source.resolve(file));
    }
    copy(
        name.startsWith("gemma") ? "characters.json" : "tokenizer.json",
        source.resolve("tokenizer.json"));
    for (String file : List.of(PeftConfig.FILE, PeftKeys.WEIGHTS)) {
      copy(name + "/" + file, folder.resolve(file));
    }
    copy(name + "/" + EXPECTED, temporary.resolve(EXPECTED));
    Path model = temporary.resolve("model.gguf");
    ModelConverter.convert(source, model, Optional.of("F32"), 1, _ -> {});
    try (GgufFile base = GgufFile.open(model)) {
      assertLogits("base", model, Optional.empty());
      PeftImporter.Imported imported = PeftImporter.read(folder, base);
      assertLogits("adapted", model, Optional.of(written(imported, base, "first.gguf")));
      Path peft = temporary.resolve("peft");
      PeftExporter.write(
          imported.adapter(),
          new AdapterMetadata(BaseIdentity.of(base), Map.of()),
          base,
          AdapterStorage.F32,
          peft);
      assertSameTensors(peft);
      Path again = written(PeftImporter.read(peft, base), base, "second.gguf");
      assertEquals(-1, Files.mismatch(temporary.resolve("first.gguf"), again));
    }
    Path merged = temporary.resolve("merged.gguf");
    try (GgufFile base = GgufFile.open(model)) {
      PeftMerger.merge(folder, base, merged, 1, (_, _) -> {});
    }
    assertLogits("adapted", merged, Optional.empty());
  }

  private static void copy(String resource, Path file) throws IOException {
    try (InputStream from = PeftModelsTest.class.getResourceAsStream(resource)) {
      Files.copy(from, file);
    }
  }

  private Path written(PeftImporter.Imported imported, GgufFile base, String name)
      throws IOException {
    Path file = temporary.resolve(name);
    AdapterExporter.write(
        imported.adapter(), new AdapterMetadata(BaseIdentity.of(base), Map.of()), file);
    return file;
  }

  /// The exported folder holds what PEFT wrote.
  private void assertSameTensors(Path peft) throws IOException {
    try (SafetensorsFile stored = SafetensorsFile.open(folder.resolve(PeftKeys.WEIGHTS));
        SafetensorsFile exported = SafetensorsFile.open(peft.resolve(PeftKeys.WEIGHTS))) {
      assertEquals(stored.tensors().size(), exported.tensors().size());
      for (SafetensorsTensor tensor : stored.tensors()) {
        SafetensorsTensor other = exported.tensor(tensor.name()).orElseThrow();
        assertEquals(tensor.shape(), other.shape(), tensor.name());
        assertEquals(-1, stored.data(tensor).mismatch(exported.data(other)), tensor.name());
      }
    }
  }

  /// Compares the logits of the last tokens.
  private void assertLogits(String which, Path model, Optional<Path> adapter) throws IOException {
    int[] tokens = tokens();
    float[] expected = expected(which);
    try (LlamaModel loaded = LlamaModel.load(model, LlamaModel.Options.CPU);
        LlamaContext context = LlamaContext.create(loaded, tokens.length, tokens.length, 1)) {
      if (adapter.isPresent()) {
        context.setAdapters(LlamaAdapter.load(loaded, adapter.get()).scaledBy(1));
      }
      int vocabulary = loaded.vocabulary().size();
      int first = tokens.length - expected.length / vocabulary;
      double[] worst = new double[2];
      context.forEachLogits(
          tokens,
          (position, row) -> {
            for (int i = 0; position >= first && i < vocabulary; i++) {
              float logit = row.getAtIndex(ValueLayout.JAVA_FLOAT, i);
              float wanted = expected[(position - first) * vocabulary + i];
              worst[0] = Math.max(worst[0], Math.abs(logit - wanted));
              worst[1] = Math.max(worst[1], Math.abs(wanted));
            }
          });
      assertTrue(worst[1] > 1 && worst[0] < bound * worst[1], which + ": " + worst[0]);
    }
  }

  private int[] tokens() throws IOException {
    float[] values = expected("tokens");
    int[] tokens = new int[values.length];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = (int) values[i];
    }
    return tokens;
  }

  private float[] expected(String name) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(temporary.resolve(EXPECTED))) {
      SafetensorsTensor tensor = file.tensor(name).orElseThrow();
      float[] values = new float[Math.toIntExact(tensor.elements())];
      tensor.type().readFloats(file.data(tensor), 0, values);
      return values;
    }
  }
}

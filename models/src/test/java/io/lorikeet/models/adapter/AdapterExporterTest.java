package io.lorikeet.models.adapter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class AdapterExporterTest {
  @TempDir private Path folder;
  private Path basePath;
  private Path file;

  @BeforeEach
  void writeBase() throws IOException {
    basePath = SmallBase.write(folder.resolve("base.gguf"));
    file = folder.resolve("adapter.gguf");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  void readsBackWhatItWrote(int rank) throws IOException {
    LoraAdapter written = SmallBase.adapter(rank);
    try (GgufFile base = GgufFile.open(basePath)) {
      AdapterExporter.write(written, SmallBase.metadata(BaseIdentity.of(base)), file);
      AdapterFile read = AdapterFile.read(file, base);
      assertTrue(read.recorded());
      assertEquals(written.architecture(), read.adapter().architecture());
      assertEquals(written.alpha(), read.adapter().alpha());
      assertEquals(written.pairs().size(), read.adapter().pairs().size());
      for (int i = 0; i < written.pairs().size(); i++) {
        assertSame(written.pairs().get(i), read.adapter().pairs().get(i));
      }
    }
  }

  /// The base's own ancestors come after it, and what was read is written again.
  @Test
  void licenceAndLineageTravelAlong() throws IOException {
    try (GgufFile bare = GgufFile.open(basePath)) {
      GgufWriter writer = new GgufWriter().copyMetadata(bare.metadata());
      writer.putString("general.license", "apache-2.0").putString("general.license.link", "l");
      writer.putString("general.organization", "Birds").putUint32("general.base_model.count", 1);
      writer.putString("general.base_model.0.name", "Egg");
      for (GgufTensor tensor : bare.tensors()) {
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        float[] values = SmallBase.values(new Random(1), (int) tensor.elements());
        writer.addTensor(tensor.name(), shape, values);
      }
      writer.write(folder.resolve("licensed.gguf"));
    }
    try (GgufFile base = GgufFile.open(folder.resolve("licensed.gguf"))) {
      BaseIdentity identity = BaseIdentity.of(base);
      AdapterExporter.write(SmallBase.adapter(1), SmallBase.metadata(identity), file);
      assertEquals(identity, AdapterFile.read(file, base).base().orElseThrow());
    }
    try (GgufFile written = GgufFile.open(file)) {
      GgufMetadata metadata = written.metadata();
      assertEquals("apache-2.0", metadata.requireString("general.license"));
      assertEquals("l", metadata.requireString("general.license.link"));
      assertEquals("Small", metadata.requireString("general.base_model.0.name"));
      assertEquals("Birds", metadata.requireString("general.base_model.0.organization"));
      assertEquals("Egg", metadata.requireString("general.base_model.1.name"));
      assertEquals(2, metadata.requireInteger("general.base_model.count"));
    }
  }

  @ParameterizedTest
  @EnumSource
  void storesWithThePrecisionAsked(AdapterStorage storage) throws IOException {
    LoraAdapter written = SmallBase.adapter(2);
    try (GgufFile base = GgufFile.open(basePath)) {
      AdapterMetadata metadata = SmallBase.metadata(BaseIdentity.of(base));
      AdapterExporter.write(written, metadata, storage, file);
      AdapterFile read = AdapterFile.read(file, base);
      assertEquals(metadata.training(), read.training());
      assertEquals(metadata.base(), read.base().orElseThrow());
      // Rows of 4 and 6 can't be Q8_0, so these are F16.
      double precision =
          switch (storage) {
            case F32 -> 0;
            case F16, Q8_0 -> 0x1p-11;
            case BF16 -> 0x1p-8;
          };
      for (int i = 0; i < written.pairs().size(); i++) {
        float[] expected = written.pairs().get(i).b();
        float[] actual = read.adapter().pairs().get(i).b();
        for (int j = 0; j < expected.length; j++) {
          assertEquals(expected[j], actual[j], precision * Math.abs(expected[j]));
        }
      }
      AdapterExporter.write(read.adapter(), metadata, storage, folder.resolve("again.gguf"));
      assertEquals(-1, Files.mismatch(file, folder.resolve("again.gguf")));
    }
  }

  @Test
  void refusesNumbersTooLargeForTheStorage() throws IOException {
    LoraPair pair = SmallBase.adapter(2).pairs().getLast();
    pair.b()[3] = 1e6f;
    LoraAdapter large = new LoraAdapter("llama", 2, List.of(pair));
    try (GgufFile base = GgufFile.open(basePath)) {
      AdapterMetadata metadata = SmallBase.metadata(BaseIdentity.of(base));
      Exception refused =
          assertThrows(
              InvalidInputException.class,
              () -> AdapterExporter.write(large, metadata, AdapterStorage.F16, file));
      assertTrue(refused.getMessage().contains(SmallBase.DOWN + ".lora_b"), refused.getMessage());
      assertFalse(Files.exists(file));
      AdapterExporter.write(large, metadata, AdapterStorage.BF16, file);
    }
  }

  private static void assertSame(LoraPair expected, LoraPair actual) {
    assertEquals(expected.baseTensor(), actual.baseTensor());
    assertEquals(expected.inputs(), actual.inputs());
    assertEquals(expected.outputs(), actual.outputs());
    assertEquals(expected.rank(), actual.rank());
    assertArrayEquals(expected.a(), actual.a());
    assertArrayEquals(expected.b(), actual.b());
  }

  @Test
  void hasTheKeysAndShapesThatLlamaCppReads() throws IOException {
    try (GgufFile base = GgufFile.open(basePath)) {
      AdapterExporter.write(SmallBase.adapter(2), SmallBase.metadata(BaseIdentity.of(base)), file);
    }
    try (GgufFile adapter = GgufFile.open(file)) {
      GgufMetadata metadata = adapter.metadata();
      assertEquals("adapter", metadata.requireString("general.type"));
      assertEquals("llama", metadata.requireString("general.architecture"));
      assertEquals("lora", metadata.requireString("adapter.type"));
      assertEquals(4, metadata.requireReal("adapter.lora.alpha"));
      assertEquals(List.of(4L, 2L), adapter.tensor(SmallBase.UP + ".lora_a").orElseThrow().shape());
      assertEquals(List.of(2L, 6L), adapter.tensor(SmallBase.UP + ".lora_b").orElseThrow().shape());
      assertEquals(
          List.of(2L, 9L), adapter.tensor(SmallBase.EMBEDDINGS + ".lora_a").orElseThrow().shape());
      assertEquals(
          List.of(2L, 4L), adapter.tensor(SmallBase.EMBEDDINGS + ".lora_b").orElseThrow().shape());
    }
  }

  @Test
  void namesTheBaseAndTheTraining() throws IOException {
    String hash;
    try (GgufFile base = GgufFile.open(basePath)) {
      hash = base.hash();
      AdapterExporter.write(SmallBase.adapter(2), SmallBase.metadata(BaseIdentity.of(base)), file);
    }
    try (GgufFile adapter = GgufFile.open(file)) {
      GgufMetadata metadata = adapter.metadata();
      assertEquals(hash, metadata.requireString("lorikeet.base.sha256"));
      assertEquals("Small", metadata.requireString("general.base_model.0.name"));
      assertEquals("F32", metadata.requireString("lorikeet.base.quantization"));
      assertEquals(64, metadata.requireString("lorikeet.base.tokenizer_sha256").length());
      assertEquals("2", metadata.requireString("lorikeet.training.rank"));
    }
  }

  @Test
  void equalAdaptersGiveEqualBytes() throws IOException {
    Path second = folder.resolve("second.gguf");
    try (GgufFile base = GgufFile.open(basePath)) {
      AdapterExporter.write(SmallBase.adapter(3), SmallBase.metadata(BaseIdentity.of(base)), file);
      AdapterExporter.write(
          SmallBase.adapter(3), SmallBase.metadata(BaseIdentity.of(base)), second);
    }
    assertEquals(-1, Files.mismatch(file, second));
  }

  @Test
  void tokenizerHashLooksAtTheVocabularyOnly() throws IOException {
    try (GgufFile base = GgufFile.open(basePath);
        GgufFile other = GgufFile.open(SmallBase.write(folder.resolve("other.gguf"), 2))) {
      BaseIdentity identity = BaseIdentity.of(base);
      BaseIdentity otherIdentity = BaseIdentity.of(other);
      assertEquals(identity.tokenizerHash(), otherIdentity.tokenizerHash());
      assertFalse(identity.hash().equals(otherIdentity.hash()));
    }
  }

  @Test
  void leavesNothingWhereItCantWrite() throws IOException {
    Path missing = folder.resolve("missing").resolve("adapter.gguf");
    try (GgufFile base = GgufFile.open(basePath)) {
      AdapterMetadata metadata = SmallBase.metadata(BaseIdentity.of(base));
      assertThrows(
          IOException.class, () -> AdapterExporter.write(SmallBase.adapter(2), metadata, missing));
    }
    assertFalse(Files.exists(missing.getParent()));
  }
}

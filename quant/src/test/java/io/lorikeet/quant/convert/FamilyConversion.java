package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Converts small folders, and has llama.cpp compute with each result.
@ExtendWith(LeakCheck.class)
abstract class FamilyConversion {
  @TempDir Path folder;

  Path output;
  TinyFolder tiny;

  @BeforeEach
  void nameOutput() {
    output = folder.resolve("out.gguf");
  }

  void start(String architecture) {
    tiny = new TinyFolder(folder.resolve("model"), architecture);
  }

  void eachLayer(Consumer<String> change) {
    for (int layer = 0; layer < TinyFolder.LAYERS; layer++) {
      change.accept("model.layers." + layer + ".");
    }
  }

  GgufFile convert() throws IOException {
    return convert(tiny.write());
  }

  GgufFile convert(Path model) throws IOException {
    ModelConverter.convert(model, output, Optional.of("F32"), 1, _ -> {});
    try (LlamaModel loaded = LlamaModel.load(output, LlamaModel.Options.CPU);
        LlamaContext context = LlamaContext.create(loaded, 32, 32, 1)) {
      context.decode(loaded.vocabulary().tokenize("abc cab", true, false));
      for (float logit : context.logits()) {
        assertTrue(Float.isFinite(logit));
      }
    }
    return GgufFile.open(output);
  }

  static float[] floats(GgufFile file, String name) {
    GgufTensor tensor = file.tensor(name).orElseThrow(() -> new AssertionError("no " + name));
    return RowDequantizer.floats(tensor.type(), file.data(tensor));
  }

  void assertUnchanged(GgufFile file, String stored, String written) {
    assertArrayEquals(tiny.values.get(stored), floats(file, written), written);
  }

  static long integer(GgufFile file, String key) {
    return file.metadata().requireInteger(key);
  }
}

package io.lorikeet.models.architecture;

import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraMatrix;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/// llama.cpp's logits of every token.
final class LlamaLogits {
  private static final int BATCH = 64;

  private LlamaLogits() {}

  /// @param adapter written into `folder` and applied, or null
  static float[][] of(Path file, LoraAdapter adapter, int[] tokens, Path folder)
      throws IOException {
    float[][] logits = new float[tokens.length][];
    try (LlamaModel model = LlamaModel.load(file, LlamaModel.Options.CPU);
        LlamaAdapter applied =
            adapter == null ? null : LlamaAdapter.load(model, written(adapter, folder));
        LlamaContext context =
            LlamaContext.create(model, Math.max(BATCH, tokens.length), BATCH, 1)) {
      if (applied != null) {
        context.setAdapters(new LlamaAdapter.Scaled(applied, 1));
      }
      context.forEachLogits(
          tokens, (token, row) -> logits[token] = row.toArray(ValueLayout.JAVA_FLOAT));
    }
    return logits;
  }

  /// Writes an adapter into a folder, under a name that all of them have.
  static Path written(LoraAdapter adapter, Path folder) throws IOException {
    GgufWriter writer =
        new GgufWriter()
            .putString("general.architecture", adapter.architecture())
            .putString("general.type", "adapter")
            .putString("adapter.type", "lora")
            .putFloat32("adapter.lora.alpha", adapter.alpha());
    for (LoraMatrix matrix : adapter.matrices()) {
      writer.addTensor(matrix.name(), LoraMatrix.lengths(matrix.shape()), matrix.values());
    }
    Path file = folder.resolve("adapter.gguf");
    writer.write(file);
    return file;
  }
}

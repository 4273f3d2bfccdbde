package io.lorikeet.models.adapter;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/// Writes adapters as GGUF files that llama.cpp loads.
///
/// The names, shapes and scale are those of `src/llama-adapter.cpp`: `<weight>.lora_a` with ne
/// `[inputs, rank]` and `<weight>.lora_b` with ne `[rank, outputs]`, scaled by `adapter.lora.alpha`
/// / rank. The pair of `token_embd.weight` is flipped, and those of experts have a third dimension,
/// see [LoraPair].
public final class AdapterExporter {

  private AdapterExporter() {}

  /// Writes the file with its matrices in F32.
  ///
  /// @throws IOException when the disk refuses; nothing new is left under the name then
  public static void write(LoraAdapter adapter, AdapterMetadata metadata, Path file)
      throws IOException {
    write(adapter, metadata, AdapterStorage.F32, file);
  }

  /// Writes the file: under a temporary name first, forced to disk, then renamed. Equal adapters
  /// and metadata give equal bytes.
  ///
  /// @throws io.lorikeet.quant.InvalidInputException when its numbers are too large for the storage
  /// @throws IOException when the disk refuses; nothing new is left under the name then
  public static void write(
      LoraAdapter exact, AdapterMetadata metadata, AdapterStorage storage, Path file)
      throws IOException {
    LoraAdapter adapter = storage.round(exact);
    BaseIdentity base = metadata.base();
    GgufWriter writer =
        new GgufWriter()
            .putString(AdapterKeys.TYPE, "adapter")
            .putString(AdapterKeys.ARCHITECTURE, adapter.architecture())
            .putString(AdapterKeys.NAME, base.name() + " adapter")
            .putString(AdapterKeys.ADAPTER_TYPE, "lora")
            .putFloat32(AdapterKeys.ALPHA, adapter.alpha())
            .putUint32(AdapterKeys.BASE_COUNT, BasePapers.models(base.papers()))
            .putString(AdapterKeys.BASE_NAME, base.name())
            .putString(AdapterKeys.BASE_HASH, base.hash())
            .putString(AdapterKeys.BASE_QUANTIZATION, base.quantization())
            .putString(AdapterKeys.BASE_TOKENIZER, base.tokenizerHash())
            .putString(AdapterKeys.DIGEST, AdapterDigest.of(adapter));
    base.papers().forEach(writer::putString);
    metadata
        .template()
        .ifPresent(
            template ->
                writer
                    .putString(AdapterKeys.TEMPLATE, template.text())
                    .putString(AdapterKeys.TEMPLATE_ORIGIN, template.origin()));
    metadata
        .training()
        .forEach((name, value) -> writer.putString(AdapterKeys.TRAINING_PREFIX + name, value));
    for (LoraPair pair : adapter.pairs()) {
      add(writer, pair.baseTensor() + AdapterKeys.SUFFIX_A, shapeOfA(pair), pair.a(), storage);
      add(writer, pair.baseTensor() + AdapterKeys.SUFFIX_B, shapeOfB(pair), pair.b(), storage);
    }
    writer.write(file);
  }

  private static void add(
      GgufWriter writer, String name, long[] shape, float[] values, AdapterStorage storage) {
    TensorSource source =
        channel -> channel.write(ByteBuffer.wrap(storage.encode(values, (int) shape[0])));
    writer.addTensor(name, storage.typeOf(shape[0]), shape, source);
  }

  /// Elements of a row of A as the file has it.
  static int rowOfA(LoraPair pair) {
    return isFlipped(pair.baseTensor()) ? pair.rank() : pair.inputs();
  }

  private static long[] shapeOfA(LoraPair pair) {
    return isFlipped(pair.baseTensor())
        ? new long[] {pair.rank(), pair.inputs()}
        : shape(pair.inputs(), pair.rank(), pair.experts());
  }

  private static long[] shapeOfB(LoraPair pair) {
    return shape(pair.rank(), pair.outputs(), pair.experts());
  }

  private static long[] shape(int ne0, int ne1, int experts) {
    return experts == 1 ? new long[] {ne0, ne1} : new long[] {ne0, ne1, experts};
  }

  /// Whether llama.cpp wants A of this weight's pair as ne `[rank, vocabulary]`: it looks rows of
  /// it up by token.
  static boolean isFlipped(String baseTensor) {
    return baseTensor.endsWith("token_embd.weight");
  }
}

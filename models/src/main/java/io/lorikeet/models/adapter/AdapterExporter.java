package io.lorikeet.models.adapter;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraMatrix;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufValue;
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
    adapter
        .invocation()
        .ifPresent(
            invocation ->
                writer.put(
                    AdapterKeys.INVOCATION_TOKENS,
                    GgufValue.Array.ofUint32s(
                        invocation.tokens().stream().mapToInt(Integer::intValue).toArray())));
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
    adapter.matrices().forEach(matrix -> add(writer, matrix, storage));
    writer.write(file);
  }

  private static void add(GgufWriter writer, LoraMatrix matrix, AdapterStorage storage) {
    TensorSource source =
        channel ->
            channel.write(ByteBuffer.wrap(storage.encode(matrix.values(), matrix.rowLength())));
    writer.addTensor(
        matrix.name(),
        storage.typeOf(matrix.rowLength()),
        LoraMatrix.lengths(matrix.shape()),
        source);
  }
}

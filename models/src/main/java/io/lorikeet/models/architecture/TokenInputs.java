package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// The embeddings that each token has for each layer. Their table is larger than all layers and
/// stays in the base's file; only the rows of a batch's tokens are brought to the device, as they
/// are in the file.
final class TokenInputs implements AutoCloseable {
  private static final String ROWS = "embeddings for each layer";

  private final GgufFile base;
  private final GgufTensor table;
  private final int layers;
  private final int tokens;
  private final DeviceTensors tensors;

  /// @param tokens of a pass
  TokenInputs(GgufFile base, ModelConfig config, int tokens, Backend backend) {
    this.base = base;
    this.tokens = tokens;
    table = base.tensor(ModelConfig.TOKEN_INPUTS).orElseThrow();
    layers = config.layers();
    Shape shape = Shape.of(config.tokenInputs(), (long) layers * tokens);
    tensors = DeviceTensors.allocate(backend, List.of(new Spec(ROWS, table.type(), shape)));
  }

  /// Rows `[elements, layers · tokens]`: those of all tokens for the first layer, then those for
  /// the second one, ….
  Tensor rows() {
    return tensors.get(ROWS);
  }

  /// Index of the first row for a layer.
  long firstRow(int layer) {
    return (long) layer * tokens;
  }

  /// Brings the rows of a batch, which may be shorter than a pass.
  void upload(int[] batch) {
    long rowBytes = table.bytes() / table.shape().get(1);
    long pieceBytes = rowBytes / layers;
    MemorySegment data = base.data(table);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment rows = arena.allocate(rows().bytes(), Long.BYTES);
      for (int i = 0; i < batch.length; i++) {
        for (int layer = 0; layer < layers; layer++) {
          long from = batch[i] * rowBytes + layer * pieceBytes;
          long to = (firstRow(layer) + i) * pieceBytes;
          MemorySegment.copy(data, from, rows, to, pieceBytes);
        }
      }
      rows().upload(rows, 0);
    }
  }

  /// Bytes of the device's memory.
  long bytes() {
    return tensors.bytes();
  }

  @Override
  public void close() {
    tensors.close();
  }
}

package io.lorikeet.quant.convert;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.SafetensorsTensor;
import io.lorikeet.quant.TensorSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.List;

/// gpt-oss: experts in MXFP4 as they were trained, which only move (or unpacked
/// ones, which are turned over); attention with sinks
/// (`conversion/gpt_oss.py`).
final class GptOssFamily extends ConvertedFamily {
  private static final int BLOCK = 32;
  private static final String GATE_UP = "gate_up_proj";

  GptOssFamily(ModelFolder folder) {
    super("gpt-oss", folder);
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    writer.putUint32(key("attention.sliding_window"), config().requireInteger("sliding_window"));
    writer.putUint32(key("expert_feed_forward_length"), config().requireSize("intermediate_size"));
  }

  @Override
  List<OutputTensor> outputs(String name, StoredWeights weights) {
    if (name.endsWith("_scales")) {
      return List.of(); // written with the blocks
    }
    if (name.endsWith("_blocks")) {
      return blocks(name, weights);
    }
    if (name.endsWith("_proj_bias")) {
      return bias(name.substring(0, name.length() - "_bias".length()), weights.rows(name));
    }
    return name.endsWith("experts.gate_up_proj") || name.endsWith("experts.down_proj")
        ? matrices(name, weights.rows(name))
        : super.outputs(name, weights);
  }

  /// Experts that were unpacked for training are stored column by column.
  private List<OutputTensor> matrices(String stem, WeightRows stored) {
    if (stored.shape().size() != 3) {
      throw new IllegalArgumentException("'" + stem + "' has the shape " + stored.shape());
    }
    if (!stem.endsWith(GATE_UP)) {
      return List.of(
          new OutputTensor.NumberTensor(outputName(stem + ".weight"), stored.transposed()));
    }
    String base = stem.substring(0, stem.length() - GATE_UP.length());
    return List.of(
        new OutputTensor.NumberTensor(
            outputName(base + "gate_proj.weight"), stored.transposed().everySecondRow(0)),
        new OutputTensor.NumberTensor(
            outputName(base + "up_proj.weight"), stored.transposed().everySecondRow(1)));
  }

  private List<OutputTensor> bias(String stem, WeightRows rows) {
    if (!stem.endsWith(GATE_UP)) {
      return List.of(new OutputTensor.NumberTensor(outputName(stem + ".bias"), rows));
    }
    String base = stem.substring(0, stem.length() - GATE_UP.length());
    return List.of(
        new OutputTensor.NumberTensor(outputName(base + "gate_proj.bias"), rows.everySecond(0)),
        new OutputTensor.NumberTensor(outputName(base + "up_proj.bias"), rows.everySecond(1)));
  }

  private List<OutputTensor> blocks(String name, StoredWeights weights) {
    String stem = name.substring(0, name.length() - "_blocks".length());
    SafetensorsTensor blocks = weights.stored(name);
    SafetensorsTensor scales = weights.stored(stem + "_scales");
    // [experts, rows, blocks of a row, 16 bytes] and [experts, rows, blocks of a row]
    if (scales == null
        || blocks.shape().size() != 4
        || blocks.shape().get(3) != BLOCK / 2
        || !scales.shape().equals(blocks.shape().subList(0, 3))) {
      throw new IllegalArgumentException(
          "'%s' %s doesn't fit its scales %s"
              .formatted(name, blocks.shape(), scales == null ? "" : scales.shape()));
    }
    Mxfp4 mxfp4 =
        new Mxfp4(weights.file().data(blocks), weights.file().data(scales), blocks.shape());
    if (!stem.endsWith(GATE_UP)) {
      return List.of(mxfp4.output(outputName(stem + ".weight"), 0, 1));
    }
    String base = stem.substring(0, stem.length() - GATE_UP.length());
    return List.of(
        mxfp4.output(outputName(base + "gate_proj.weight"), 0, 2),
        mxfp4.output(outputName(base + "up_proj.weight"), 1, 2));
  }

  /// Blocks of 32 numbers as they are stored: neighbours share a byte, the first in its low half,
  /// and scales are apart. ggml has the scale first, and number i shares a byte with i + 16.
  private record Mxfp4(MemorySegment blocks, MemorySegment scales, List<Long> shape) {
    OutputTensor output(String name, int from, int step) {
      long experts = shape.get(0);
      long rows = shape.get(1) / step;
      long perRow = shape.get(2);
      TensorSource source =
          channel -> {
            for (long row = 0; row < experts * rows; row++) {
              channel.write(ByteBuffer.wrap(row(row * step + from, perRow)));
            }
          };
      return new OutputTensor.Blocks(
          name, TensorType.MXFP4, List.of(perRow * BLOCK, rows, experts), source);
    }

    private byte[] row(long row, long perRow) {
      int half = BLOCK / 2;
      byte[] packed = new byte[Math.toIntExact(perRow * (half + 1))];
      for (int block = 0; block < perRow; block++) {
        long stored = row * perRow + block;
        int to = block * (half + 1);
        packed[to] = scales.get(ValueLayout.JAVA_BYTE, stored);
        for (int i = 0; i < half; i++) {
          packed[to + 1 + i] =
              (byte) (nibble(stored * half, i) | nibble(stored * half, i + half) << 4);
        }
      }
      return packed;
    }

    private int nibble(long block, int index) {
      int pair = blocks.get(ValueLayout.JAVA_BYTE, block + index / 2);
      return index % 2 == 0 ? pair & 0xf : pair >> 4 & 0xf;
    }
  }
}

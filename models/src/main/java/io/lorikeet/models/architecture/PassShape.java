package io.lorikeet.models.architecture;

import io.lorikeet.models.family.ModelConfig;

/// How a pass over the model is cut, so that nothing of size tokens × tokens, tokens × vocabulary
/// or tokens × feed-forward is held whole. Results don't depend on it beyond rounding.
///
/// @param rows rows of a batch
/// @param context tokens of a row
/// @param attentionBlock queries that attention takes at a time
/// @param tile tokens that the feed-forward part takes at a time
/// @param headChunk tokens whose logits are held at a time
/// @param keepsCopies whether a weight's dequantized copy, where products need one, is kept for all
///     tiles, chunks and directions of a graph, rather than made anew for each product
public record PassShape(
    int rows, int context, int attentionBlock, int tile, int headChunk, boolean keepsCopies) {
  private static final long SCORES_BYTES = 32L << 20;
  private static final long LOGITS_BYTES = 40L << 20;
  private static final int TILE = 512;

  /// Blocks that a row's attention is cut into at least: the more there are, the fewer keys are
  /// computed only to be masked.
  private static final int LEAST_BLOCKS = 8;

  public PassShape {
    if (rows < 1 || context < 1 || attentionBlock < 1 || tile < 1 || headChunk < 1) {
      throw new IllegalArgumentException("a pass needs at least one row, token, block and chunk");
    }
  }

  /// With copies kept.
  public PassShape(int rows, int context, int attentionBlock, int tile, int headChunk) {
    this(rows, context, attentionBlock, tile, headChunk, true);
  }

  /// Sizes that keep the scores of a block and the logits of a chunk within some 40 MB each.
  public static PassShape choose(ModelConfig config, int rows, int context) {
    return choose(config, rows, context, false);
  }

  /// The same for a device.
  ///
  /// @param gpu whether it is a GPU: there each call costs time, and computing what is masked costs
  ///     little, so that blocks of attention are as long as memory allows
  public static PassShape choose(ModelConfig config, int rows, int context, boolean gpu) {
    int longestBlock = gpu ? context : context / LEAST_BLOCKS;
    int tokens = Math.multiplyExact(rows, context);
    return new PassShape(
        rows,
        context,
        fitting(Math.max(1, longestBlock), SCORES_BYTES, (long) config.heads() * context),
        Math.min(tokens, TILE),
        Math.min(tokens, fitting(tokens, LOGITS_BYTES, config.vocabulary())));
  }

  /// Sizes for which little memory is wanted, at the price of speed.
  public static PassShape small(ModelConfig config, int rows, int context) {
    PassShape usual = choose(config, rows, context);
    return new PassShape(
        rows,
        context,
        Math.min(usual.attentionBlock(), 32),
        Math.min(usual.tile(), 128),
        Math.min(usual.headChunk(), 32),
        false);
  }

  /// The same with copies of weights made anew for each product.
  public PassShape withoutCopies() {
    return new PassShape(rows, context, attentionBlock, tile, headChunk, false);
  }

  /// The same for shorter rows, which take no more memory anywhere.
  ///
  /// @param length tokens of a row
  public PassShape shorter(int length) {
    if (length > context) {
      throw new IllegalArgumentException("rows of " + length + " tokens aren't shorter");
    }
    int tokens = rows * length;
    boolean skipsMasked = attentionBlock <= shortBlock(context);
    return new PassShape(
        rows,
        length,
        skipsMasked ? Math.min(attentionBlock, shortBlock(length)) : attentionBlock,
        Math.min(tile, tokens),
        Math.min(headChunk, tokens),
        keepsCopies);
  }

  private static int shortBlock(int length) {
    return fitting(Math.max(1, length / LEAST_BLOCKS), Long.MAX_VALUE, 0);
  }

  /// The largest power of two within `limit`, but at least 32, of which each unit takes `floats`
  /// and all fit `bytes`.
  private static int fitting(int limit, long bytes, long floats) {
    int size = 32;
    while (2 * size <= limit && 2 * size * floats * Float.BYTES <= bytes) {
      size *= 2;
    }
    return size;
  }

  /// Blocks of queries that attention takes in a layer.
  public long attentionBlocks() {
    return (long) rows * Math.ceilDiv(context, attentionBlock);
  }

  /// Tokens of a batch.
  public int tokens() {
    return rows * context;
  }
}

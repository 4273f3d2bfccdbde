package io.lorikeet.models.family;

import io.lorikeet.quant.InvalidInputException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// How the rotated pairs of a head are spread over the dimensions of a position: time, height and
/// width of an image's patch, and a fourth one (M-RoPE, `ggml_mrope_cache_init` in ggml). Of text
/// the first three are the token's position and the fourth is 0 (`llm_graph_input_pos` in
/// llama.cpp's `llama-graph.cpp`). So a pair of text turns as in every other family, or it is one
/// of the fourth dimension and stands still.
enum RopeSections {
  /// The sections follow each other (`GGML_ROPE_TYPE_MROPE`).
  CONSECUTIVE,
  /// The first three take turns, each as often as its section is long (`GGML_ROPE_TYPE_IMROPE`).
  INTERLEAVED;

  private static final String KEY = "rope.dimension_sections";
  private static final int DIMENSIONS = 4;

  /// The pairs that stand still.
  ///
  /// @param pairs rotated of each head
  /// @param headSize ggml ends the process where the sections exceed it, or are all empty
  List<Integer> still(ModelKeys keys, int pairs, int headSize) {
    int[] sections = keys.requireInts(KEY);
    if (sections.length != DIMENSIONS
        || Arrays.stream(sections).anyMatch(section -> section < 0 || section > headSize)
        || Arrays.stream(sections).sum() > headSize
        || Arrays.stream(sections).limit(DIMENSIONS - 1).sum() == 0) {
      throw new InvalidInputException(
          "%s: %s is %s, and should be four numbers, of which one of the first three isn't 0 and which"
                  .formatted(keys.source(), keys.full(KEY), Arrays.toString(sections))
              + " fit heads of "
              + headSize);
    }
    int all = Arrays.stream(sections).sum();
    return IntStream.range(0, pairs)
        .filter(pair -> isOfFourth(pair % all, sections))
        .boxed()
        .toList();
  }

  private boolean isOfFourth(int sector, int[] sections) {
    return switch (this) {
      case CONSECUTIVE -> sector >= sections[0] + sections[1] + sections[2];
      case INTERLEAVED -> sector >= 3 * sections[sector % 3];
    };
  }
}

package io.lorikeet.train.settings;

import io.lorikeet.quant.PathParts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// Where a finished run puts an adapter: twice, so that it is somewhere if one folder can't be
/// written any more.
///
/// @param file the output, or for the best adapter a file beside it
/// @param copy in the run folder
public record AdapterPlaces(Path file, Path copy) {
  private static final String ENDING = ".gguf";
  private static final String NAME = "adapter";
  private static final String BEST = "-best";

  /// The copies' names.
  static final List<String> COPIES = List.of(NAME + ENDING, NAME + BEST + ENDING);

  /// Of the adapter after the last step.
  public static AdapterPlaces last(Path output, Path run) {
    return new AdapterPlaces(output, run.resolve(COPIES.getFirst()));
  }

  /// Of the adapter with the lowest validation loss: `a-best.gguf` beside `a.gguf`.
  public static AdapterPlaces best(Path output, Path run) {
    String name = PathParts.name(output);
    String stem = name.replaceFirst("(?i)\\.gguf$", "");
    Path file = output.resolveSibling(stem + BEST + name.substring(stem.length()));
    return new AdapterPlaces(file, run.resolve(COPIES.getLast()));
  }

  /// Whether the adapter is in both places, the same to the last bit: the file is what the run put
  /// there.
  public boolean areEqual() throws IOException {
    return Files.exists(file) && Files.exists(copy) && Files.mismatch(file, copy) == -1;
  }

  /// The model card beside an adapter: `math.MODEL_CARD.md` beside `math.gguf`.
  public static Path card(Path adapter) {
    String stem = PathParts.name(adapter).replaceFirst("(?i)\\.gguf$", "");
    return adapter.resolveSibling(stem + ".MODEL_CARD.md");
  }
}

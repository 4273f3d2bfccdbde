package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.train.data.DataSet.Packing;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PackingTest {
  private static final int CONTEXT = 64;

  @TempDir private Path folder;

  /// Within a window, tokens that see each other must be next to each other.
  @Test
  void beginningsAreSharedWhereNoWindowIsNarrower() throws IOException {
    assertEquals(Packing.ROWS_AND_BEGINNINGS, packing(0, true));
    assertEquals(Packing.ROWS_AND_BEGINNINGS, packing(CONTEXT, true));
    assertEquals(Packing.ROWS, packing(CONTEXT - 1, true));
    assertEquals(Packing.NONE, packing(0, false));
  }

  private Packing packing(int window, boolean packing) throws IOException {
    TrainingOptions options =
        new TrainingOptions()
            .model(Files.writeString(folder.resolve("base.gguf"), ""))
            .data(Files.writeString(folder.resolve("data.jsonl"), ""))
            .set(Settings.PACKING, packing);
    return Packing.of(new DataSettings(options.resolveData(_ -> CONTEXT), window));
  }
}

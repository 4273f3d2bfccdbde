package io.lorikeet.train.checkpoint;

import io.lorikeet.models.lora.LoraSlot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Measures what checkpoints of a large state cost the training: `CheckpointCost FOLDER MEGABYTES`.
final class CheckpointCost {
  private static final int SIDE = 4096;
  private static final int TIMES = 5;

  private CheckpointCost() {}

  private record Vector(String name, MemorySegment values) implements StateVector {
    @Override
    public void copyTo(MemorySegment target) {
      target.copyFrom(values);
    }

    @Override
    public void copyFrom(MemorySegment source) {
      values.copyFrom(source);
    }
  }

  /// Prints the time that training waits for a checkpoint, and the time until it is on disk.
  public static void main(String[] args) throws IOException {
    Path run = Files.createTempDirectory(Path.of(args[0]), "checkpoint-cost");
    int rank = Integer.parseInt(args[1]) * (1 << 20) / (3 * Float.BYTES * 2 * SIDE);
    long elements = 2L * SIDE * rank;
    LoraSlot slot = new LoraSlot("blk.0.a.weight", SIDE, SIDE, rank, 1, 1, 0, elements / 2);
    CheckpointFolder folder = new CheckpointFolder(run);
    folder.prepare();
    try (Arena arena = Arena.ofConfined()) {
      List<StateVector> vectors =
          Stream.of("", "first_moment", "second_moment")
              .<StateVector>map(
                  name -> new Vector(name, arena.allocate(elements * Float.BYTES).fill((byte) 1)))
              .toList();
      StateLayout layout = new StateLayout("llama", List.of(slot), elements, vectors);
      try (CheckpointWriter writer = new CheckpointWriter(folder, 1, layout)) {
        for (int i = 1; i <= TIMES; i++) {
          long start = System.nanoTime();
          writer.begin(i, 0, Map.of(), Map::of);
          long begun = System.nanoTime();
          writer.await();
          System.out.printf(
              "%d MB: training waits %.0f ms; on disk after %.0f ms%n",
              layout.bytes() >> 20, (begun - start) / 1e6, (System.nanoTime() - start) / 1e6);
        }
      }
      long start = System.nanoTime();
      try (Checkpoint checkpoint = Checkpoint.open(folder.file(TIMES))) {
        checkpoint.restore(layout);
      }
      System.out.printf("read and checked in %.0f ms%n", (System.nanoTime() - start) / 1e6);
    }
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}

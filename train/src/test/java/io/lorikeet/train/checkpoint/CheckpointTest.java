package io.lorikeet.train.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Checkpoints of a state in ordinary arrays.
@Tag("slow")
class CheckpointTest {
  private static final String STEP = Checkpoint.PREFIX + "step";

  @TempDir Path run;
  private CheckpointFolder folder;
  private final List<String> warnings = new ArrayList<>();

  @BeforeEach
  void prepare() throws IOException {
    folder = new CheckpointFolder(run);
    folder.prepare();
  }

  /// A pair of an ordinary matrix, one of a token embedding and one of three experts.
  private static List<LoraSlot> slots() {
    return List.of(
        new LoraSlot("token_embd.weight", 7, 4, 2, 1, 2, 0, 64),
        new LoraSlot("blk.0.attn_q.weight", 4, 6, 2, 1, 2, 128, 192),
        new LoraSlot("blk.0.ffn_up_exps.weight", 4, 5, 1, 3, 2, 256, 320));
  }

  private record Vector(String name, float[] values) implements StateVector {
    @Override
    public void copyTo(MemorySegment target) {
      MemorySegment.copy(values, 0, target, ValueLayout.JAVA_FLOAT, 0, values.length);
    }

    @Override
    public void copyFrom(MemorySegment source) {
      MemorySegment.copy(source, ValueLayout.JAVA_FLOAT, 0, values, 0, values.length);
    }
  }

  /// A state whose numbers all differ, with zeros between the matrices.
  private static StateLayout state(float first) {
    List<StateVector> vectors = new ArrayList<>();
    for (String name : List.of("", "first_moment", "second_moment")) {
      float[] values = new float[384];
      for (LoraSlot slot : slots()) {
        long[] offsets = {slot.aOffset(), slot.bOffset()};
        long[] counts = {slot.aShape().elements(), slot.bShape().elements()};
        for (int matrix = 0; matrix < 2; matrix++) {
          for (int i = 0; i < counts[matrix]; i++) {
            values[(int) offsets[matrix] + i] = first++;
          }
        }
      }
      vectors.add(new Vector(name, values));
    }
    return new StateLayout("llama", slots(), 384, vectors);
  }

  private static float[] values(StateLayout state, int vector) {
    return ((Vector) state.vectors().get(vector)).values();
  }

  private void write(StateLayout state, int keep, int best, int... steps) throws IOException {
    try (CheckpointWriter writer = new CheckpointWriter(folder, keep, state)) {
      for (int step : steps) {
        Map<String, GgufValue> values = Map.of(STEP, new GgufValue.Int(GgufType.INT64, step));
        writer.begin(step, best, values, Map::of);
      }
      writer.await();
    }
  }

  @Test
  void theWholeStateComesBack() throws IOException {
    StateLayout state = state(1);
    write(state, 2, 0, 5);
    StateLayout other = state(1000);
    try (Checkpoint checkpoint = Checkpoint.open(folder.file(5))) {
      assertEquals(5, checkpoint.metadata().requireInteger(STEP));
      checkpoint.restore(other);
      for (int vector = 0; vector < 3; vector++) {
        assertArrayEquals(values(state, vector), values(other, vector));
      }
      LoraAdapter adapter = checkpoint.adapter(2);
      assertEquals(3, adapter.pairs().size());
      assertEquals(7, adapter.pairs().get(0).inputs());
      assertEquals(6, adapter.pairs().get(1).outputs());
      assertEquals(3, adapter.pairs().get(2).experts());
      assertArrayEquals(
          Arrays.copyOfRange(values(state, 0), 192, 192 + 12), adapter.pairs().get(1).b());
    }
  }

  @Test
  void aStateOfOtherMatricesIsRefused() throws IOException {
    write(state(1), 2, 0, 1);
    List<LoraSlot> others =
        List.of(
            new LoraSlot("blk.0.attn_q.weight", 4, 8, 2, 1, 2, 0, 64),
            new LoraSlot("blk.9.attn_q.weight", 4, 6, 2, 1, 2, 128, 192));
    StateLayout other = new StateLayout("llama", others, 384, state(1).vectors());
    try (Checkpoint checkpoint = Checkpoint.open(folder.file(1))) {
      String message =
          assertThrows(InvalidInputException.class, () -> checkpoint.restore(other)).getMessage();
      assertTrue(
          message.contains("blk.0.attn_q.weight.lora_b is F32 [2, 6] instead of F32 [2, 8]"),
          message);
      assertTrue(message.contains("it has no blk.9.attn_q.weight.lora_a.second_moment"), message);
    }
  }

  @Test
  void keepsTheNewestAndTheBest() throws IOException {
    write(state(1), 2, 2, 1, 2, 3, 4, 5);
    try (Stream<Path> files = Files.list(run.resolve("checkpoints"))) {
      assertEquals(
          List.of("step-00000002.gguf", "step-00000004.gguf", "step-00000005.gguf"),
          files.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void usesTheNewestThatIsWhole() throws IOException {
    assertEquals(Optional.empty(), folder.openNewest(warnings::add));
    write(state(1), 9, 0, 1, 2, 3);
    Files.write(folder.file(3), Arrays.copyOf(Files.readAllBytes(folder.file(3)), 1000));
    byte[] flipped = Files.readAllBytes(folder.file(2));
    flipped[flipped.length - 40] ^= 1;
    Files.write(folder.file(2), flipped);
    Files.writeString(run.resolve("checkpoints/notes.txt"), "mine");
    try (Checkpoint newest = folder.openNewest(warnings::add).orElseThrow()) {
      assertEquals(1, newest.metadata().requireInteger(STEP));
    }
    assertEquals(2, warnings.size());
    assertTrue(warnings.get(0).contains("step-00000003.gguf.damaged"), warnings.get(0));
    assertTrue(warnings.get(0).contains("the file ends inside"), warnings.get(0));
    assertTrue(warnings.get(1).contains("checksum differs"), warnings.get(1));
  }

  @Test
  void aStateThatIsNotFiniteIsNotSaved() throws IOException {
    StateLayout state = state(1);
    values(state, 1)[3] = Float.NaN;
    String message = assertThrows(IOException.class, () -> write(state, 2, 0, 1)).getMessage();
    assertEquals(
        "the state after step 1 holds numbers that aren't finite; it was not saved", message);
    assertTrue(folder.isEmpty());
  }

  @Test
  void whatCannotBeWrittenIsToldAndHarmsNothing() throws IOException {
    write(state(1), 2, 0, 1);
    Files.createDirectories(folder.file(2).resolve("in the way"));
    assertThrows(IOException.class, () -> write(state(2), 2, 0, 2));
    try (Stream<Path> files = Files.list(run.resolve("checkpoints"))) {
      assertFalse(files.anyMatch(file -> file.toString().endsWith(".tmp")));
    }
    Checkpoint.open(folder.file(1)).close();
  }

  @Test
  void whatFailsInItsOwnThreadIsToldToo() throws IOException {
    try (CheckpointWriter writer = new CheckpointWriter(folder, 2, state(1))) {
      for (Error failure : List.of(new OutOfMemoryError("heap"), new InternalError("mapping"))) {
        writer.begin(
            1,
            0,
            Map.of(),
            () -> {
              throw failure;
            });
        String message = assertThrows(IOException.class, writer::await).getMessage();
        assertEquals("step 1's state couldn't be written: " + failure, message);
      }
      assertTrue(folder.isEmpty());
      writer.begin(2, 0, Map.of(), Map::of);
      writer.await();
    }
    Checkpoint.open(folder.file(2)).close();
  }

  /// As a power cut leaves a file on a disk that doesn't keep its order, or an old disk a bit.
  @Test
  void oneThatEndsAnywhereOrHasAnyBitFlippedIsRefused() throws IOException {
    write(state(1), 2, 0, 1);
    Path file = folder.file(1);
    byte[] whole = Files.readAllBytes(file);
    Random random = new Random(1);
    for (int at = 0; at < whole.length; at++) {
      byte[] flipped = whole.clone();
      flipped[at] ^= (byte) (1 << random.nextInt(8));
      for (byte[] damaged : List.of(Arrays.copyOf(whole, at), flipped)) {
        Files.write(file, damaged);
        assertThrows(InvalidInputException.class, () -> Checkpoint.open(file), "byte " + at);
      }
    }
    Files.write(file, whole);
    Checkpoint.open(file).close();
  }

  @Test
  void asksForRoomBefore() throws IOException {
    String message =
        assertThrows(IOException.class, () -> folder.requireRoomFor(3, 1L << 50)).getMessage();
    assertTrue(message.contains("3 checkpoints of this run would take 3,221,225,476 MB"), message);
    folder.requireRoomFor(3, 1000);
  }
}

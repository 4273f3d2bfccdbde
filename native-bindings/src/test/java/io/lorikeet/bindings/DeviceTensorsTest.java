package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.DeviceTensors.Placed;
import io.lorikeet.bindings.DeviceTensors.Spec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class DeviceTensorsTest {
  private static final Spec FLOATS = new Spec("floats", TensorType.F32, Shape.of(4, 2));
  private static final Spec IDS = new Spec("ids", TensorType.I32, Shape.of(3));

  private final Backend backend = Backend.open("cpu", 1);

  @AfterEach
  void close() {
    backend.close();
  }

  @Test
  void uploadsAndDownloads() {
    float[] values = {1, 2, 3, 4, 5, 6, 7, 8};
    try (DeviceTensors tensors = DeviceTensors.allocate(backend, List.of(FLOATS, IDS))) {
      Tensor floats = tensors.get("floats");
      floats.upload(values);
      assertArrayEquals(values, floats.downloadFloats());
      floats.upload(MemorySegment.ofArray(new float[] {-1, -2}), 5 * Float.BYTES);
      float[] part = new float[3];
      floats.download(MemorySegment.ofArray(part), 4 * Float.BYTES);
      assertArrayEquals(new float[] {5, -1, -2}, part);
      floats.clear();
      assertArrayEquals(new float[8], floats.downloadFloats());
      tensors.get("ids").upload(new int[] {7, 8, 9});
      int[] ids = new int[3];
      tensors.get("ids").download(MemorySegment.ofArray(ids), 0);
      assertArrayEquals(new int[] {7, 8, 9}, ids);
      assertTrue(tensors.bytes() >= 8 * Float.BYTES + 3 * Integer.BYTES);
      assertEquals("floats f32 [4, 2]", floats.toString());
    }
  }

  /// More than is copied at a time, from an offset on.
  @Test
  void longTransfersArePieced() {
    int count = Math.toIntExact(Tensor.TRANSFER_BYTES / Integer.BYTES) + 1000;
    Spec many = new Spec("many", TensorType.I32, Shape.of(count + 2));
    int[] values = IntStream.range(0, count).toArray();
    try (DeviceTensors tensors = DeviceTensors.allocate(backend, List.of(many))) {
      tensors.get("many").upload(MemorySegment.ofArray(values), 2 * Integer.BYTES);
      int[] read = new int[count];
      tensors.get("many").download(MemorySegment.ofArray(read), 2 * Integer.BYTES);
      assertArrayEquals(values, read);
    }
  }

  @Test
  void transfersStayInside() {
    try (DeviceTensors tensors = DeviceTensors.allocate(backend, List.of(FLOATS, IDS));
        Ops ops = new Ops()) {
      Tensor floats = tensors.get("floats");
      MemorySegment nine = MemorySegment.ofArray(new float[9]);
      MemorySegment one = MemorySegment.ofArray(new float[1]);
      assertThrows(GgmlException.class, () -> floats.upload(nine, 0));
      assertThrows(GgmlException.class, () -> floats.download(nine, 0));
      assertThrows(GgmlException.class, () -> floats.upload(one, 29));
      assertThrows(GgmlException.class, () -> floats.upload(one, -4));
      assertThrows(GgmlException.class, () -> floats.upload(one, Long.MAX_VALUE));
      assertThrows(GgmlException.class, () -> floats.upload(new float[7]));
      assertThrows(GgmlException.class, () -> floats.upload(new int[8]));
      assertThrows(GgmlException.class, () -> tensors.get("ids").downloadFloats());
      Tensor without = ops.placeholder("without memory", TensorType.F32, Shape.of(1));
      assertThrows(GgmlException.class, () -> without.upload(one, 0));
      assertThrows(GgmlException.class, without::clear);
      Tensor transposed = ops.transpose(ops.constant(floats));
      assertThrows(GgmlException.class, transposed::downloadFloats);
    }
  }

  @Test
  void namesAreUniqueAndKnown() {
    assertThrows(
        GgmlException.class, () -> DeviceTensors.allocate(backend, List.of(FLOATS, FLOATS)));
    try (DeviceTensors tensors = DeviceTensors.allocate(backend, List.of())) {
      assertEquals(0, tensors.bytes());
      assertThrows(GgmlException.class, () -> tensors.get("floats"));
    }
    assertThrows(
        IllegalArgumentException.class,
        () ->
            DeviceTensors.allocate(backend, List.of(new Spec("w", TensorType.Q4_0, Shape.of(33)))));
  }

  @Test
  void moreThanTheMachineHasIsRefused() {
    List<Spec> petabyte = List.of(new Spec("w", TensorType.F32, Shape.of(1L << 24, 1L << 24)));
    String message =
        assertThrows(GgmlException.class, () -> DeviceTensors.allocate(backend, petabyte))
            .getMessage();
    assertTrue(message.contains("GB") && message.contains("cpu"), message);
  }

  @Test
  void usesDataInPlace() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(96, 64);
      data.set(ValueLayout.JAVA_FLOAT, 64, 42);
      MemorySegment second = data.asSlice(64, 12);
      Spec three = new Spec("three", TensorType.F32, Shape.of(3));
      List<Placed> placed =
          List.of(new Placed(FLOATS, data.asSlice(0, 32)), new Placed(three, second));
      try (DeviceTensors tensors = DeviceTensors.inPlace(placed)) {
        assertEquals(42, tensors.get("three").downloadFloats()[0]);
        data.set(ValueLayout.JAVA_FLOAT, 68, 43);
        assertEquals(43, tensors.get("three").downloadFloats()[1], "no copy");
        assertNotEquals(tensors.get("three"), tensors.get("floats"));
      }
      assertEquals(42, data.get(ValueLayout.JAVA_FLOAT, 64), "not freed with the tensors");
    }
  }

  @Test
  void inPlaceWantsAlignedDataOfTheRightSize() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(128, 64);
      assertTrue(DeviceTensors.canBeUsedInPlace(data.asSlice(32)));
      assertFalse(DeviceTensors.canBeUsedInPlace(data.asSlice(8)));
      for (MemorySegment wrong : List.of(data.asSlice(8, 32), data.asSlice(0, 31))) {
        assertThrows(
            GgmlException.class, () -> DeviceTensors.inPlace(List.of(new Placed(FLOATS, wrong))));
      }
    }
  }
}

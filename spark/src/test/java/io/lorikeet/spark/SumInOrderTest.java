package io.lorikeet.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import scala.Tuple2;
import scala.jdk.javaapi.CollectionConverters;

/// Sums of F32 depend on their order: these must not depend on the order of arrival.
class SumInOrderTest {
  private static final int BATCHES = 7;

  @Test
  void theOrderOfArrivalDoesNotMatter() {
    List<Tuple2<Integer, StepPart>> chunks = chunks();
    byte[] inOrder = sum(chunks).values();
    float expected = 0;
    for (int i = 0; i < BATCHES; i++) {
      expected += value(i);
    }
    assertEquals(expected, ByteBuffer.wrap(inOrder).order(ByteOrder.LITTLE_ENDIAN).getFloat(4));
    Random random = new Random(1);
    for (int i = 0; i < 20; i++) {
      Collections.shuffle(chunks, random);
      StepSum.ChunkSum sum = sum(chunks);
      assertTrue(sum.complete());
      assertArrayEquals(inOrder, sum.values());
    }
  }

  @Test
  void aMissingMicroBatchIsNoticed() {
    List<Tuple2<Integer, StepPart>> chunks = chunks();
    chunks.remove(3);
    assertFalse(sum(chunks).complete());
  }

  private static StepSum.ChunkSum sum(List<Tuple2<Integer, StepPart>> chunks) {
    return assertInstanceOf(
        StepSum.ChunkSum.class,
        new SumInOrder(BATCHES).apply(CollectionConverters.asScala(chunks.iterator())));
  }

  /// Of sizes that differ so much that every other order gives another sum.
  private static float value(int batch) {
    return (float) (Math.pow(-7.3, batch) * 1.2345);
  }

  private static List<Tuple2<Integer, StepPart>> chunks() {
    List<Tuple2<Integer, StepPart>> chunks = new ArrayList<>();
    for (int i = 0; i < BATCHES; i++) {
      ByteBuffer values = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      values.putFloat(-value(i)).putFloat(value(i));
      chunks.add(new Tuple2<>(0, new StepPart.Chunk(i, values.array())));
    }
    return chunks;
  }
}

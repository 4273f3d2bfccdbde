package io.lorikeet.spark;

import java.io.Serial;
import java.io.Serializable;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import scala.Tuple2;
import scala.collection.Iterator;
import scala.runtime.AbstractFunction1;

/// Adds the chunks of a partition in the order of their micro-batches, in whichever order they
/// arrive: the sum has the bits that one machine gives.
final class SumInOrder extends AbstractFunction1<Iterator<Tuple2<Integer, StepPart>>, StepSum>
    implements Serializable {
  @Serial private static final long serialVersionUID = 1;

  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int batches;

  /// @param batches micro-batches of the step
  SumInOrder(int batches) {
    this.batches = batches;
  }

  @Override
  public StepSum apply(Iterator<Tuple2<Integer, StepPart>> parts) {
    List<StepPart.Outcome> outcomes = new ArrayList<>();
    OrderedSum sum = new OrderedSum();
    while (parts.hasNext()) {
      switch (parts.next()._2()) {
        case StepPart.Chunk chunk -> sum.add(chunk);
        case StepPart.Outcome outcome -> outcomes.add(outcome);
      }
    }
    return outcomes.isEmpty()
        ? new StepSum.ChunkSum(sum.next == batches, sum.bytes())
        : new StepSum.Outcomes(outcomes);
  }

  private static final class OrderedSum {
    private final Map<Integer, byte[]> early = new HashMap<>();
    private float[] total = {};
    private int next;

    void add(StepPart.Chunk chunk) {
      early.put(chunk.number(), chunk.values());
      for (byte[] due = early.remove(next); due != null; due = early.remove(next)) {
        addNext(MemorySegment.ofArray(due));
      }
    }

    private void addNext(MemorySegment values) {
      int size = Math.toIntExact(values.byteSize() / Float.BYTES);
      if (total.length == 0) {
        total = new float[size];
      }
      for (int i = 0; i < size; i++) {
        total[i] += values.getAtIndex(FLOAT, i);
      }
      next++;
    }

    byte[] bytes() {
      MemorySegment bytes = MemorySegment.ofArray(new byte[total.length * Float.BYTES]);
      for (int i = 0; i < total.length; i++) {
        bytes.setAtIndex(FLOAT, i, total[i]);
      }
      return (byte[]) bytes.heapBase().orElseThrow();
    }
  }
}

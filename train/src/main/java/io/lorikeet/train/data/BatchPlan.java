package io.lorikeet.train.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/// The rows of each optimizer step. Every epoch goes through all rows once, in an order of its own
/// that the seed decides. An epoch's last batch and last step may be smaller; no step mixes epochs.
/// Any step can be asked for, in any order.
///
/// A batch is as long as its longest row. Where rows differ in length and batches have several,
/// those of a batch are similar. In the random order, the rows of each [#SORTED] batches are sorted
/// by length. Then the batches are put in random order again.
public final class BatchPlan {
  private static final int SORTED = 50;

  private final DataSet data;
  private final int batchSize;
  private final int accumulate;
  private final long seed;
  private int orderedEpoch = -1;
  private int[] order = {};

  /// @param batchSize rows of a micro-batch
  /// @param accumulate micro-batches of a step
  public BatchPlan(DataSet data, int batchSize, int accumulate, long seed) {
    if (batchSize < 1 || accumulate < 1) {
      throw new IllegalArgumentException(
          "batches of " + batchSize + " rows, " + accumulate + " to a step");
    }
    this.data = data;
    this.batchSize = batchSize;
    this.accumulate = accumulate;
    this.seed = seed;
  }

  /// Optimizer steps of one epoch.
  public int stepsPerEpoch() {
    return Math.toIntExact(Math.ceilDiv((long) data.rows().size(), rowsPerStep()));
  }

  /// Epochs done after a step, with their fraction.
  public double epochsAfter(int step) {
    long done = (step % stepsPerEpoch()) * rowsPerStep();
    return step / stepsPerEpoch() + (double) done / data.rows().size();
  }

  /// The micro-batches of a step.
  ///
  /// @param step from 1
  public List<MicroBatch> step(int step) {
    if (step < 1) {
      throw new IllegalArgumentException("step " + step);
    }
    int[] epochOrder = order((step - 1) / stepsPerEpoch());
    long first = (step - 1) % stepsPerEpoch() * rowsPerStep();
    int from = (int) first;
    int to = (int) Math.min(epochOrder.length, first + rowsPerStep());
    List<MicroBatch> batches = new ArrayList<>();
    for (int start = from; start < to; start += batchSize) {
      int end = Math.min(to, start + batchSize);
      List<PackedRow> rows =
          Arrays.stream(epochOrder, start, end).mapToObj(data.rows()::get).toList();
      batches.add(data.batch(rows, batchSize));
    }
    return batches;
  }

  private long rowsPerStep() {
    return (long) batchSize * accumulate;
  }

  private int[] order(int epoch) {
    if (epoch != orderedEpoch) {
      order = Shuffle.order(data.rows().size(), seed, epoch);
      if (batchSize > 1 && !data.shorterLengths().isEmpty()) {
        order = grouped(order, epoch);
      }
      orderedEpoch = epoch;
    }
    return order;
  }

  private int[] grouped(int[] random, int epoch) {
    int[] sorted = new int[random.length];
    int stretch = Math.multiplyExact(SORTED, batchSize);
    for (int from = 0; from < random.length; from += stretch) {
      int to = (int) Math.min(random.length, (long) from + stretch);
      int[] rows =
          Arrays.stream(random, from, to)
              .boxed()
              .sorted(Comparator.comparingInt(data::usedPlaces))
              .mapToInt(Integer::intValue)
              .toArray();
      System.arraycopy(rows, 0, sorted, from, rows.length);
    }
    int[] batches = Shuffle.order(random.length / batchSize, Shuffle.mix(seed), epoch);
    int[] grouped = sorted.clone(); // rows that fill no batch stay at the end
    for (int i = 0; i < batches.length; i++) {
      System.arraycopy(sorted, batches[i] * batchSize, grouped, i * batchSize, batchSize);
    }
    return grouped;
  }
}

package io.lorikeet.train.run;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.RandomAccess;
import java.util.TreeMap;

/// The steps of a run in columns, by ascending number: millions of them take little memory.
final class StepColumns {
  private static final int FIRST_ROOM = 1024;

  private int count;
  private int[] numbers = new int[FIRST_ROOM];
  private long[] targets = new long[FIRST_ROOM];
  private long[] tokens = new long[FIRST_ROOM];

  /// Epoch, loss, learning rate, gradient norm, seconds.
  private double[][] values = new double[5][FIRST_ROOM];

  /// By the steps' numbers; most runs have none.
  private final TreeMap<Integer, Map<String, Double>> figures = new TreeMap<>();

  /// Keeps the further figures of a step.
  void putFigures(int number, Map<String, Double> ofStep) {
    if (!ofStep.isEmpty()) {
      figures.put(number, ofStep);
    }
  }

  /// Adds a step. One with a number that is there already takes its place, and one that comes late
  /// takes its own.
  void put(
      int number,
      double epoch,
      double loss,
      double rate,
      double norm,
      long targetCount,
      long tokenCount,
      double seconds) {
    int place = count;
    if (count > 0 && number <= numbers[count - 1]) {
      int found = Arrays.binarySearch(numbers, 0, count, number);
      place = found >= 0 ? found : -1 - found;
      copy(numbers.length); // lists that were given out stay as they are
      if (found < 0) {
        open(place);
      }
    } else {
      open(place);
    }
    numbers[place] = number;
    targets[place] = targetCount;
    tokens[place] = tokenCount;
    values[0][place] = epoch;
    values[1][place] = loss;
    values[2][place] = rate;
    values[3][place] = norm;
    values[4][place] = seconds;
  }

  /// Makes room at a place.
  private void open(int place) {
    if (count == numbers.length) {
      copy(count + count / 2);
    }
    for (int i = count; i > place; i--) {
      numbers[i] = numbers[i - 1];
      targets[i] = targets[i - 1];
      tokens[i] = tokens[i - 1];
      for (double[] column : values) {
        column[i] = column[i - 1];
      }
    }
    count++;
  }

  private void copy(int room) {
    numbers = Arrays.copyOf(numbers, room);
    targets = Arrays.copyOf(targets, room);
    tokens = Arrays.copyOf(tokens, room);
    double[][] copies = new double[values.length][];
    for (int i = 0; i < copies.length; i++) {
      copies[i] = Arrays.copyOf(values[i], room);
    }
    values = copies;
  }

  /// Forgets the steps after one.
  void forgetAfter(int number) {
    int found = Arrays.binarySearch(numbers, 0, count, number);
    count = found >= 0 ? found + 1 : -1 - found;
    copy(numbers.length);
    figures.tailMap(number, false).clear();
  }

  /// The steps so far.
  List<RunMetrics.Step> list() {
    return new StepList(count, numbers, targets, tokens, values, Map.copyOf(figures));
  }

  /// A list of steps that are made when they are asked for.
  private static final class StepList extends AbstractList<RunMetrics.Step>
      implements RandomAccess {
    private final int count;
    private final int[] numbers;
    private final long[] targets;
    private final long[] tokens;
    private final double[][] values;
    private final Map<Integer, Map<String, Double>> figures;

    StepList(
        int count,
        int[] numbers,
        long[] targets,
        long[] tokens,
        double[][] values,
        Map<Integer, Map<String, Double>> figures) {
      this.count = count;
      this.numbers = numbers;
      this.targets = targets;
      this.tokens = tokens;
      this.values = values;
      this.figures = figures;
    }

    @Override
    public int size() {
      return count;
    }

    @Override
    public RunMetrics.Step get(int index) {
      if (index < 0 || index >= count) {
        throw new IndexOutOfBoundsException(index);
      }
      return new RunMetrics.Step(
          numbers[index],
          values[0][index],
          values[1][index],
          values[2][index],
          values[3][index],
          targets[index],
          tokens[index],
          values[4][index],
          figures.isEmpty() ? Map.of() : figures.getOrDefault(numbers[index], Map.of()));
    }
  }
}

package io.lorikeet.models.testing;

import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;

/// Random batches and adapters to run random models on.
public final class RandomInputs {
  private RandomInputs() {}

  /// A batch of random tokens. Each row holds examples of random length one after the other, none
  /// seeing another, then perhaps padding; the first third of each example is its prompt and has no
  /// weight in the loss.
  public static TokenBatch packedBatch(int vocabulary, int rows, int context, long seed) {
    return packedBatch(vocabulary, rows, context, seed, false);
  }

  /// The same, but that of each three or more tokens the last ones are those of two examples that
  /// share the ones before.
  public static TokenBatch branchedBatch(int vocabulary, int rows, int context, long seed) {
    return packedBatch(vocabulary, rows, context, seed, true);
  }

  private static TokenBatch packedBatch(
      int vocabulary, int rows, int context, long seed, boolean branched) {
    SplittableRandom random = new SplittableRandom(seed);
    int size = rows * context;
    int[] positions = new int[size];
    int[] seenUntil = new int[size];
    float[] weights = new float[size];
    for (int row = 0; row < rows; row++) {
      int filled = context - random.nextInt(Math.max(1, context / 8));
      for (int first = 0; first < context; ) {
        boolean padding = first >= filled;
        int length = padding ? 1 : Math.min(filled - first, 1 + random.nextInt(context));
        for (int i = 0; i < length; i++) {
          int place = row * context + first + i;
          positions[place] = i;
          seenUntil[place] = first + length - 1;
          weights[place] = padding || i < length / 3 ? 0 : 1;
        }
        if (branched && length > 2) {
          int shared = 1 + random.nextInt(length - 2);
          int second = shared + 1 + random.nextInt(length - shared - 1);
          for (int i = shared; i < second; i++) {
            seenUntil[row * context + first + i] = first + second - 1;
          }
          for (int i = second; i < length; i++) {
            positions[row * context + first + i] = shared + i - second;
          }
        }
        first += length;
      }
    }
    int[] tokens = random.ints(size, 0, vocabulary).toArray();
    return new TokenBatch(rows, context, tokens, positions, seenUntil, targets(tokens), weights);
  }

  /// A batch of which an activated adapter acts on some places.
  public static TokenBatch adapted(TokenBatch batch, IntPredicate places) {
    boolean[] adapted = new boolean[batch.size()];
    for (int i = 0; i < adapted.length; i++) {
      adapted[i] = places.test(i);
    }
    return new TokenBatch(
        batch.rows(),
        batch.context(),
        batch.tokens(),
        batch.positions(),
        batch.seenUntil(),
        batch.targets(),
        batch.targetWeights(),
        adapted);
  }

  /// One row that is one example of random tokens, all of them trained.
  public static TokenBatch plainBatch(int vocabulary, int context, long seed) {
    int[] tokens = new SplittableRandom(seed).ints(context, 0, vocabulary).toArray();
    return plainBatch(tokens);
  }

  /// One row that is one example of these tokens, all of them trained (the last one to predict the
  /// first).
  public static TokenBatch plainBatch(int[] tokens) {
    int[] positions = new int[tokens.length];
    int[] seenUntil = new int[tokens.length];
    float[] weights = new float[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      positions[i] = i;
      seenUntil[i] = tokens.length - 1;
      weights[i] = 1;
    }
    return new TokenBatch(1, tokens.length, tokens, positions, seenUntil, targets(tokens), weights);
  }

  private static int[] targets(int[] tokens) {
    int[] targets = new int[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      targets[i] = tokens[(i + 1) % tokens.length];
    }
    return targets;
  }

  /// Pairs for every layer's matrices of these roles (`attn_q`, ..., and `output`, `token_embd`),
  /// in the file's order. Both A and B are random, so an adapter of scale 1 changes a weight's
  /// outputs by about a third of their size.
  public static List<LoraPair> pairs(GgufFile file, List<String> roles, int rank, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<LoraPair> pairs = new ArrayList<>();
    for (GgufTensor tensor : file.tensors()) {
      String[] parts = tensor.name().split("\\.");
      if (parts[parts.length - 1].equals("weight") && roles.contains(parts[parts.length - 2])) {
        int inputs = Math.toIntExact(tensor.shape().getFirst());
        int outputs = Math.toIntExact(tensor.shape().get(1));
        boolean flipped = LoraPair.isFlipped(tensor.name());
        int from = flipped ? outputs : inputs;
        int to = flipped ? inputs : outputs;
        int experts = tensor.shape().size() > 2 ? Math.toIntExact(tensor.shape().get(2)) : 1;
        float[] a = gaussians(random, experts * from * rank, flipped ? 1 : 1 / Math.sqrt(from));
        float[] b = gaussians(random, experts * to * rank, 0.3 / Math.sqrt(rank));
        pairs.add(new LoraPair(tensor.name(), from, to, rank, experts, a, b));
      }
    }
    return pairs;
  }

  /// Pairs for the matrices of these names, as [#pairs] makes them.
  public static List<LoraPair> pairsOn(GgufFile file, List<String> tensors, int rank, long seed) {
    List<String> roles =
        tensors.stream()
            .map(name -> name.split("\\."))
            .map(parts -> parts[parts.length - 2])
            .toList();
    return pairs(file, roles, rank, seed).stream()
        .filter(pair -> tensors.contains(pair.baseTensor()))
        .toList();
  }

  private static float[] gaussians(SplittableRandom random, int count, double deviation) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return values;
  }
}

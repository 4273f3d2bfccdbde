package io.lorikeet.models.testing;

import io.lorikeet.models.architecture.TokenBatch;
import java.util.stream.IntStream;

/// Grouped-query attention of rotated queries and keys: each token sees itself
/// and those before it in its row that are seen until there.
final class ReferenceAttention {
  private final ReferenceConfig config;
  private final TokenBatch batch;
  private final double scale;
  private double[] q; // [n][heads][headSize]
  private double[] k; // [n][keyValueHeads][headSize]
  private double[] v; // [n][keyValueHeads][headSize]
  private double[][] shares; // [n * heads][tokens seen]: the softmax

  ReferenceAttention(ReferenceConfig config, TokenBatch batch) {
    this.config = config;
    this.batch = batch;
    this.scale = 1 / Math.sqrt(config.headSize());
  }

  /// The gradients of queries, keys and values.
  record Gradients(double[] q, double[] k, double[] v) {}

  double[] forward(double[] queries, double[] keys, double[] values) {
    q = queries;
    k = keys;
    v = values;
    shares = new double[batch.size() * config.heads()][];
    double[] y = new double[q.length];
    int size = config.headSize();
    for (int token = 0; token < batch.size(); token++) {
      int[] from = seen(token);
      for (int head = 0; head < config.heads(); head++) {
        int query = queryStart(token, head);
        double[] seen = new double[from.length];
        for (int i = 0; i < seen.length; i++) {
          seen[i] = scale * ReferenceMath.dot(q, query, k, keyStart(from[i], head), size);
        }
        ReferenceMath.softmax(seen, 0, seen.length);
        for (int i = 0; i < seen.length; i++) {
          ReferenceMath.addScaled(y, query, seen[i], v, keyStart(from[i], head), size);
        }
        shares[token * config.heads() + head] = seen;
      }
    }
    return y;
  }

  Gradients backward(double[] dy) {
    Gradients gradients =
        new Gradients(new double[q.length], new double[k.length], new double[v.length]);
    for (int token = 0; token < batch.size(); token++) {
      for (int head = 0; head < config.heads(); head++) {
        backward(token, head, dy, gradients);
      }
    }
    return gradients;
  }

  private void backward(int token, int head, double[] dy, Gradients gradients) {
    int size = config.headSize();
    int[] from = seen(token);
    int query = queryStart(token, head);
    double[] seen = shares[token * config.heads() + head];
    double[] dseen = new double[seen.length];
    for (int i = 0; i < seen.length; i++) {
      int key = keyStart(from[i], head);
      dseen[i] = ReferenceMath.dot(dy, query, v, key, size);
      ReferenceMath.addScaled(gradients.v, key, seen[i], dy, query, size);
    }
    double mean = ReferenceMath.dot(seen, 0, dseen, 0, seen.length);
    for (int i = 0; i < seen.length; i++) {
      int key = keyStart(from[i], head);
      double dscore = scale * seen[i] * (dseen[i] - mean);
      ReferenceMath.addScaled(gradients.q, query, dscore, k, key, size);
      ReferenceMath.addScaled(gradients.k, key, dscore, q, query, size);
    }
  }

  private int[] seen(int token) {
    int place = token % batch.context();
    return IntStream.rangeClosed(token - place, token)
        .filter(key -> batch.seenUntil()[key] >= place)
        .toArray();
  }

  private int queryStart(int token, int head) {
    return (token * config.heads() + head) * config.headSize();
  }

  private int keyStart(int token, int head) {
    int group = head / (config.heads() / config.keyValueHeads());
    return (token * config.keyValueHeads() + group) * config.headSize();
  }
}

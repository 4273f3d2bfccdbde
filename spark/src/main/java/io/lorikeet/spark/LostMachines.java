package io.lorikeet.spark;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;

/// Remembers the executors that were lost until somebody asks. Spark tells it on a thread of its
/// own.
final class LostMachines extends SparkListener {
  private final Map<String, String> hosts = new ConcurrentHashMap<>();
  private final ConcurrentLinkedQueue<String> words = new ConcurrentLinkedQueue<>();

  @Override
  public void onExecutorAdded(SparkListenerExecutorAdded added) {
    hosts.put(added.executorId(), added.executorInfo().executorHost());
  }

  @Override
  public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
    words.add(
        "%s: executor %s is lost (%s); its micro-batches are computed again elsewhere"
            .formatted(
                hosts.getOrDefault(removed.executorId(), "a machine"),
                removed.executorId(),
                removed.reason().lines().findFirst().orElse("for no known reason").strip()));
  }

  /// The executors lost since the last call, in words.
  List<String> take() {
    List<String> taken = new ArrayList<>();
    for (String next = words.poll(); next != null; next = words.poll()) {
      taken.add(next);
    }
    return taken;
  }
}

package io.lorikeet.spark;

import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
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
    String host = hosts.remove(removed.executorId());
    words.add(
        "%s: executor %s is lost (%s); its work is done again elsewhere"
            .formatted(
                host == null ? "a machine" : host,
                removed.executorId(),
                removed.reason().lines().findFirst().orElse("for no known reason").strip()));
    if (hosts.isEmpty()) {
      words.add("no executor is left; work goes on when a worker has started one");
    }
  }

  /// Warns of the executors lost since the last call.
  void tell(TrainingListener events) {
    for (String next = words.poll(); next != null; next = words.poll()) {
      events.on(new TrainingEvent.Warning(next));
    }
  }
}

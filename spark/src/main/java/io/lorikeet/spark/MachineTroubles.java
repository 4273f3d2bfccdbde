package io.lorikeet.spark;

import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskEnd;

/// Remembers executors that were lost, or failed at a task, until somebody asks. Spark tells of
/// them on a thread of its own.
final class MachineTroubles extends SparkListener {
  private final Map<String, String> hosts = new ConcurrentHashMap<>();
  private final Set<String> told = new HashSet<>(); // each failure once
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

  @Override
  public void onTaskEnd(SparkListenerTaskEnd end) {
    if (end.reason() instanceof ExceptionFailure failure) {
      String problem =
          "%s: executor %s failed (%s: %s); its work is done again"
              .formatted(
                  end.taskInfo().host(),
                  end.taskInfo().executorId(),
                  failure.className(),
                  failure.description());
      if (told.add(problem)) {
        words.add(problem);
      }
    }
  }

  /// Warns of what happened since the last call.
  void tell(TrainingListener events) {
    for (String next = words.poll(); next != null; next = words.poll()) {
      events.on(new TrainingEvent.Warning(next));
    }
  }
}

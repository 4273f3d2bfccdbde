package io.lorikeet.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.train.event.TrainingEvent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.executor.ExecutorMetrics;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.TaskInfo;
import org.apache.spark.scheduler.TaskLocality;
import org.apache.spark.scheduler.cluster.ExecutorInfo;
import org.junit.jupiter.api.Test;
import scala.collection.immutable.Map$;
import scala.collection.immutable.Nil$;
import scala.collection.immutable.Seq;

class MachineTroublesTest {
  private final MachineTroubles troubles = new MachineTroubles();

  private List<String> told() {
    List<String> words = new ArrayList<>();
    troubles.tell(event -> words.add(((TrainingEvent.Warning) event).text()));
    return words;
  }

  private void add(String executor, String host) {
    troubles.onExecutorAdded(
        new SparkListenerExecutorAdded(
            0, executor, new ExecutorInfo(host, 1, Map$.MODULE$.<String, String>empty())));
  }

  private void remove(String executor, String reason) {
    troubles.onExecutorRemoved(new SparkListenerExecutorRemoved(0, executor, reason));
  }

  @SuppressWarnings("unchecked") // Scala's empty list is of any type
  private void fail(String host, String executor, String words) {
    Seq<AccumulableInfo> none = (Seq<AccumulableInfo>) (Seq<?>) Nil$.MODULE$;
    TaskInfo task = new TaskInfo(1, 0, 0, 0, 0, executor, host, TaskLocality.ANY(), false);
    troubles.onTaskEnd(
        new SparkListenerTaskEnd(
            0,
            0,
            "ShuffleMapTask",
            new ExceptionFailure(new IOException(words), none),
            task,
            new ExecutorMetrics(),
            TaskMetrics.empty()));
  }

  @Test
  void aLostExecutorIsToldOnceWithItsMachine() {
    add("0", "10.0.0.1");
    add("1", "10.0.0.2");
    remove("1", "worker lost: 10.0.0.2 timed out\nfurther lines");
    assertEquals(
        List.of(
            "10.0.0.2: executor 1 is lost (worker lost: 10.0.0.2 timed out); its work is done again elsewhere"),
        told());
    assertEquals(List.of(), told());
  }

  @Test
  void theLastExecutorsLossSaysWhatIsWaitedFor() {
    add("0", "10.0.0.1");
    remove("0", "");
    assertEquals(
        List.of(
            "10.0.0.1: executor 0 is lost (for no known reason); its work is done again elsewhere",
            "no executor is left; work goes on when a worker has started one"),
        told());
  }

  @Test
  void anExecutorThatNobodyAddedIsAMachine() {
    add("0", "10.0.0.1");
    remove("7", "Command exited with code 137");
    assertEquals(
        List.of(
            "a machine: executor 7 is lost (Command exited with code 137); its work is done again elsewhere"),
        told());
  }

  @Test
  void tasksThatFailForOneReasonAreToldOnce() {
    fail("10.0.0.2", "1", "No space left on device");
    fail("10.0.0.2", "1", "No space left on device");
    fail("10.0.0.3", "2", "No space left on device");
    String words =
        "%s: executor %s failed (java.io.IOException: No space left on device); its work is done again";
    assertEquals(
        List.of(words.formatted("10.0.0.2", "1"), words.formatted("10.0.0.3", "2")), told());
    fail("10.0.0.2", "1", "No space left on device");
    assertEquals(List.of(), told());
  }
}

package io.lorikeet.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.finetune.tasks.TaskOutcome;
import io.lorikeet.finetune.tasks.TaskPlan;
import io.lorikeet.finetune.tasks.TaskRuns;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.parallel.Machines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Tasks on one base, here and on executors within this process.
class ManyTasksTest {
  @TempDir private static Path folder;

  @BeforeAll
  static void writeInputs() throws IOException {
    RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    SmallRun.data(folder.resolve("a.jsonl"), 12);
    SmallRun.data(folder.resolve("b.jsonl"), 20);
    Files.writeString(folder.resolve("empty.jsonl"), "");
  }

  private static TaskPlan plan(String name, String tasks) throws IOException {
    String text =
        """
        folder: FOLDER/NAME
        train: {model: FOLDER/base.gguf, context: 48, device: cpu, threads: 1, rank: 2, steps: 2}
        tasks:
        """;
    Path file = folder.resolve(name + ".yaml");
    Files.writeString(
        file, (text + tasks).replace("FOLDER", folder.toString()).replace("NAME", name));
    return TaskPlan.read(file);
  }

  private static List<TaskOutcome> run(TaskPlan plan, Optional<Machines> machines)
      throws IOException {
    return new TaskRuns(plan, new StopRequest(), _ -> {}).run(machines);
  }

  @Test
  void aClusterGivesTheAdaptersOfOneProcess() throws IOException {
    String tasks =
        """
        - {name: a, data: FOLDER/a.jsonl}
        - {name: nothing, data: FOLDER/empty.jsonl}
        - {name: b, data: FOLDER/b.jsonl, rank: 4}
        """;
    List<TaskOutcome> here = run(plan("here", tasks), Optional.empty());
    List<TaskOutcome> there;
    TaskPlan plan = plan("there", tasks);
    try (Machines machines = new SparkMachinesProvider().connect("local[2]", Optional.empty())) {
      there = run(plan, Optional.of(machines));
    }
    for (String name : List.of("a", "b")) {
      assertArrayEquals(
          Files.readAllBytes(folder.resolve("here").resolve(name + ".gguf")),
          Files.readAllBytes(folder.resolve("there").resolve(name + ".gguf")));
      assertTrue(Files.exists(folder.resolve("there").resolve(name).resolve("metrics.jsonl")));
    }
    for (List<TaskOutcome> outcomes : List.of(here, there)) {
      assertEquals(List.of("a", "nothing", "b"), outcomes.stream().map(TaskOutcome::name).toList());
      TaskOutcome failed = outcomes.get(1);
      assertTrue(failed.problem().orElse("").contains("empty.jsonl"), failed::toString);
      assertEquals(1, failed.tries(), "bad input isn't tried again");
      assertFalse(Files.exists(folder.resolve("there").resolve("nothing.gguf")));
      assertEquals(2, outcomes.get(2).steps());
    }
    assertEquals(here.getFirst().loss(), there.getFirst().loss());

    List<TaskOutcome> again = run(plan, Optional.empty());
    assertEquals(0, again.getFirst().tries(), "its adapter was there");
  }

  @Test
  void aFileOfTasksIsCheckedBeforeAnythingIsTrained() {
    assertEquals(
        "tasks: two are named 'a'",
        problem("twice", "- {name: a, data: FOLDER/a.jsonl}\n- {name: a, data: FOLDER/a.jsonl}\n"));
    assertEquals(
        "a: output follows from the task's name; leave it out",
        problem("output", "- {name: a, data: FOLDER/a.jsonl, output: x.gguf}\n"));
    assertTrue(problem("name", "- {name: ../a}\n").startsWith("tasks: expected a name of letters"));
    assertFalse(Files.exists(folder.resolve("twice")));
  }

  private static String problem(String name, String tasks) {
    String message =
        assertThrows(InvalidInputException.class, () -> plan(name, tasks)).getMessage();
    return message.substring(message.indexOf(": ") + 2);
  }
}

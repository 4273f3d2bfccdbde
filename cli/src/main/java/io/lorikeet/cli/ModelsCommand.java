package io.lorikeet.cli;

import io.lorikeet.finetune.text.TableText;
import io.lorikeet.models.family.Family;
import io.lorikeet.models.lora.LoraTargets;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `lorikeet models`.
@Command(
    name = "models",
    description =
        "List the families of models that can be trained, by the architecture their GGUF files name.")
final class ModelsCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Override
  public Integer call() {
    if (json) {
      spec.commandLine()
          .getOut()
          .println(JsonText.of(Family.ALL.stream().map(ModelsCommand::json).toList()));
      return 0;
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("ARCHITECTURE", "MODELS", "BESIDE LLAMA", "TARGETS"));
    for (Family family : Family.ALL) {
      rows.add(
          List.of(
              family.architecture(),
              family.examples(),
              family.traits(),
              String.join(" ", LoraTargets.of(family))));
    }
    PrintWriter out = spec.commandLine().getOut();
    table(rows).forEach(out::println);
    out.println();
    out.println(
        "Everywhere: output and token_embd where the head isn't the embedding; qkv where the file"
            + " has one matrix for q, k and v. Groups: "
            + String.join(", ", LoraTargets.groups())
            + ".");
    return 0;
  }

  private static Map<String, Object> json(Family family) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("architecture", family.architecture());
    json.put("examples", family.examples());
    json.put("traits", family.traits());
    json.put("targets", List.copyOf(LoraTargets.of(family)));
    return json;
  }

  private static List<String> table(List<List<String>> rows) {
    int[] widths = TableText.widths(rows);
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        line.append(row.get(i)).repeat(" ", widths[i] - row.get(i).length() + 2);
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }
}

package io.lorikeet.cli;

import io.lorikeet.export.analysis.PairDifference;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.BaseIdentity;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `lorikeet diff`.
@Command(
    name = "diff",
    description = {
      "Compare two adapters: how they were made, and what they do to each weight.",
      "Exit code 0 where they are the same, 1 where they differ."
    })
@Inputs(value = "--adapter", needed = 1)
final class DiffCommand implements Callable<Integer> {
  private static final int DIFFERENT = 1;

  @Spec private CommandSpec spec;

  @Option(
      names = "--adapter",
      paramLabel = "FILE",
      description = "adapter, a GGUF file; once for each of the two")
  private List<Path> adapters;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (adapters.size() != 2) {
      throw new ParameterException(
          spec.commandLine(), "give two adapters to compare, not " + adapters.size());
    }
    AdapterFile a = AdapterFile.read(adapters.getFirst());
    AdapterFile b = AdapterFile.read(adapters.getLast());
    List<PairDifference> differences = PairDifference.between(a.adapter(), b.adapter());
    Map<String, List<String>> facts = differingFacts(a, b);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> all = new LinkedHashMap<>();
      all.put("facts", facts);
      all.put("weights", differences.stream().map(DiffCommand::json).toList());
      out.println(JsonText.of(all));
    } else {
      facts.forEach(
          (name, values) ->
              out.println("%s: %s | %s".formatted(name, values.get(0), values.get(1))));
      lines(differences).forEach(out::println);
    }
    boolean same = differences.stream().allMatch(PairDifference::identical);
    return same ? 0 : DIFFERENT;
  }

  /// The metadata in which the files differ: both values.
  private static Map<String, List<String>> differingFacts(AdapterFile a, AdapterFile b) {
    Map<String, String> ofA = facts(a);
    Map<String, String> ofB = facts(b);
    Map<String, List<String>> differing = new LinkedHashMap<>();
    TreeSet<String> names = new TreeSet<>(ofA.keySet());
    names.addAll(ofB.keySet());
    for (String name : names) {
      if (!Objects.equals(ofA.get(name), ofB.get(name))) {
        differing.put(name, List.of(ofA.getOrDefault(name, "-"), ofB.getOrDefault(name, "-")));
      }
    }
    return differing;
  }

  private static Map<String, String> facts(AdapterFile file) {
    Map<String, String> facts = new LinkedHashMap<>(file.training());
    facts.put("adapter alpha", String.valueOf(file.adapter().alpha()));
    facts.put("architecture", file.adapter().architecture());
    facts.put("invocation tokens", file.adapter().invocationTokens().toString());
    facts.put(
        "base", file.base().map(base -> base.name() + ", " + base.quantization()).orElse("-"));
    facts.put("base SHA-256", file.base().map(BaseIdentity::hash).orElse("-"));
    return facts;
  }

  private static List<String> lines(List<PairDifference> differences) {
    if (differences.stream().allMatch(PairDifference::identical)) {
      return List.of("the same scale and matrices in all %s weights".formatted(differences.size()));
    }
    TableText table =
        new TableText(
            "weight", "rank", "|ΔW| A", "|ΔW| B", "|A - B|", "cosine", "inputs in common");
    double squaresOfA = 0;
    double squaresOfB = 0;
    double product = 0;
    for (PairDifference each : differences) {
      table.row(
          each.weight(),
          each.firstRank() + " | " + each.secondRank(),
          figure("%.4g", each.firstNorm()),
          figure("%.4g", each.secondNorm()),
          figure("%.4g", each.differenceNorm()),
          figure("%.3f", each.cosine()),
          figure("%.1f %%", 100 * each.inputOverlap()));
      squaresOfA += each.firstNorm() * each.firstNorm();
      squaresOfB += each.secondNorm() * each.secondNorm();
      product += each.cosine() * each.firstNorm() * each.secondNorm();
    }
    double both = Math.sqrt(squaresOfA * squaresOfB);
    List<String> lines = new ArrayList<>(table.lines());
    lines.add(
        "all weights together: |ΔW| %s and %s, difference %s, cosine %s"
            .formatted(
                figure("%.4g", Math.sqrt(squaresOfA)),
                figure("%.4g", Math.sqrt(squaresOfB)),
                figure("%.4g", Math.sqrt(Math.max(0, squaresOfA + squaresOfB - 2 * product))),
                figure("%.3f", both == 0 ? 0 : product / both)));
    return lines;
  }

  private static String figure(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  private static Map<String, Object> json(PairDifference difference) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("weight", difference.weight());
    json.put("identical", difference.identical());
    json.put("ranks", List.of(difference.firstRank(), difference.secondRank()));
    json.put("norms", List.of(difference.firstNorm(), difference.secondNorm()));
    json.put("difference_norm", difference.differenceNorm());
    json.put("cosine", difference.cosine());
    json.put("input_overlap", difference.inputOverlap());
    return json;
  }
}

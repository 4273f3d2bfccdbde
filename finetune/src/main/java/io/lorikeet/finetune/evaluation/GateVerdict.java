package io.lorikeet.finetune.evaluation;

import io.lorikeet.train.event.TrainingEvent.Check;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The findings of a gate.
///
/// @param checks one for each condition
/// @param results of the tasks that the conditions are about
public record GateVerdict(List<Check> checks, List<TaskResult> results) {
  public GateVerdict {
    checks = List.copyOf(checks);
    results = List.copyOf(results);
  }

  /// Whether to ship.
  public boolean passes() {
    return checks.stream().allMatch(Check::passed);
  }

  /// The verdict as JSON.
  public Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("ship", passes());
    List<Object> all = new ArrayList<>();
    for (Check check : checks) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("check", check.name());
      one.put("required", check.required());
      one.put("measured", check.measured());
      one.put("passed", check.passed());
      all.add(one);
    }
    json.put("checks", all);
    return json;
  }
}

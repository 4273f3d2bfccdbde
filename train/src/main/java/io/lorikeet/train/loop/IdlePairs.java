package io.lorikeet.train.loop;

import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.quant.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// The pairs, and the experts' parts of pairs, whose gradients in a step are all zero: they learn
/// nothing.
final class IdlePairs {
  /// The step to look at. In the first one A's gradients are zero, since B is.
  static final int STEP = 2;

  private static final int MOST_NAMED = 8;

  private final List<String> pairs = new ArrayList<>();

  /// Numbers of experts by layer, such as `blk.3`, with the number of all.
  private final Map<String, ExpertChoices> experts = new TreeMap<>();

  private record ExpertChoices(TreeSet<Integer> idle, int all) {}

  /// Looks at the summed gradients of a step, before they are cleared.
  IdlePairs(LoraParameters lora) {
    for (LoraSlot slot : lora.slots()) {
      add(slot, LoraParameters.read(lora.gradients(), slot));
    }
  }

  private void add(LoraSlot slot, List<float[]> matrices) {
    TreeSet<Integer> idle = new TreeSet<>();
    for (int i = 0; i < slot.experts(); i++) {
      int expert = i;
      if (matrices.stream().allMatch(matrix -> isZero(matrix, expert, slot.experts()))) {
        idle.add(expert);
      }
    }
    if (idle.size() == slot.experts()) {
      pairs.add(slot.baseTensor());
    } else if (!idle.isEmpty()) {
      String layer = slot.baseTensor().replaceFirst("^(blk\\.\\d+)\\..*", "$1");
      experts
          .computeIfAbsent(layer, _ -> new ExpertChoices(new TreeSet<>(), slot.experts()))
          .idle
          .addAll(idle);
    }
  }

  /// True where a part of a matrix, one of several equal ones, is all zero.
  private static boolean isZero(float[] values, int part, int parts) {
    int size = values.length / parts;
    for (int i = part * size; i < (part + 1) * size; i++) {
      if (values[i] != 0) {
        return false;
      }
    }
    return true;
  }

  /// @throws InvalidInputException when a whole pair is idle, with the names of all
  void requireNone() {
    if (!pairs.isEmpty()) {
      throw InvalidInputException.of(
          "%s adapted matrices had no gradient in step %s: the loss doesn't depend on them with this base and this data. Leave them out of --target, or train all the same with --allow-idle"
              .formatted(pairs.size(), STEP),
          pairs);
    }
  }

  /// The experts that no token chose, in words.
  Optional<String> expertsInWords() {
    if (experts.isEmpty()) {
      return Optional.empty();
    }
    String named =
        experts.entrySet().stream()
            .limit(MOST_NAMED)
            .map(each -> each.getKey() + " " + inWords(each.getValue()))
            .collect(Collectors.joining("; "));
    int more = experts.size() - MOST_NAMED;
    return Optional.of(
        "experts that no token of step %s chose, so their pairs learned nothing from it: %s%s"
            .formatted(
                STEP, named, more > 0 ? "; and some of %s more layers".formatted(more) : ""));
  }

  private static String inWords(ExpertChoices experts) {
    String numbers =
        experts.idle.stream()
            .limit(MOST_NAMED)
            .map(String::valueOf)
            .collect(Collectors.joining(", "));
    return "%s of %s (%s%s)"
        .formatted(
            experts.idle.size(),
            experts.all,
            numbers,
            experts.idle.size() > MOST_NAMED ? ", …" : "");
  }
}

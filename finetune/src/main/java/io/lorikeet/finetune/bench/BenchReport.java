package io.lorikeet.finetune.bench;

import io.lorikeet.finetune.text.Words;
import io.lorikeet.train.memory.ProcessMemory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// The measurements of `lorikeet bench` on training, for people and for programs.
///
/// @param setting the measured run
/// @param trainedParameters elements of the adapter
/// @param products the library that multiplies matrices on the trainer's device
/// @param rounds times of [#STEP], [#FORWARD] and [#LLAMA]
/// @param breakdown where the training step's time goes
/// @param memory after training, before llama.cpp loaded anything
public record BenchReport(
    BenchSetting setting,
    long trainedParameters,
    String products,
    Rounds rounds,
    Breakdown breakdown,
    Optional<ProcessMemory> memory) {

  /// The whole training step.
  public static final String STEP = "training_step";

  /// The trainer's forward pass with the loss.
  public static final String FORWARD = "trainer_forward";

  /// llama.cpp's forward pass with logits for every token.
  public static final String LLAMA = "llama_forward_all_logits";

  /// The training step's speed as a share of llama.cpp's forward pass, in each round.
  private Quartiles ratio() {
    return Quartiles.of(rounds.ratios(STEP, LLAMA));
  }

  private Quartiles tokensPerSecond(String name) {
    return rounds.perSecond(name, setting.context());
  }

  /// The report as a table.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s: %s, %s parameters"
            .formatted(
                setting.model(),
                gigabytes(setting.modelBytes()),
                Words.count(setting.parameters())));
    lines.add(
        "1 sequence of %s random tokens; rank %s on %s, %s trained parameters"
            .formatted(
                setting.context(),
                setting.rank(),
                String.join(",", setting.target()),
                Words.count(trainedParameters)));
    lines.add(
        "%s (%s), threads: %s; products by %s"
            .formatted(setting.device(), setting.hardware(), setting.threads(), products));
    lines.add(
        "tokens/s: median of %s rounds, and quartiles; each round runs all three"
            .formatted(setting.rounds()));
    lines.add("");
    lines.add(tokensPerSecond(STEP).line("training step", "%.1f"));
    lines.add(tokensPerSecond(FORWARD).line("trainer's forward, loss", "%.1f"));
    lines.add(tokensPerSecond(LLAMA).line("llama.cpp's forward, all logits", "%.1f"));
    lines.add(ratio().line("training step / llama.cpp", "%.3f"));
    lines.add("(llama.cpp: KV cache in F32, no flash attention, batches of up to 512 tokens)");
    lines.add("");
    lines.addAll(breakdownLines());
    lines.add("");
    memory.ifPresentOrElse(
        bytes -> lines.addAll(memoryLines(bytes)),
        () -> lines.add("memory: not measured, this system doesn't tell it"));
    return lines;
  }

  private List<String> breakdownLines() {
    List<String> lines = new ArrayList<>();
    lines.add(format("%-32s %8.1f ms", "a step, part by part", 1e3 * breakdown.seconds()));
    breakdown
        .parts()
        .forEach(
            (part, seconds) ->
                lines.add(
                    format(
                        "%-32s %8.1f ms %5.1f %%",
                        "  " + part, 1e3 * seconds, 100 * seconds / breakdown.seconds())));
    return lines;
  }

  private List<String> memoryLines(ProcessMemory bytes) {
    return List.of(
        format("%-32s %s", "peak resident memory, training", gigabytes(bytes.peak())),
        format("%-32s %s", "  beyond the base's file", gigabytes(beyondBase(bytes))),
        format(
            "%-32s %s: %s of its own, %s of mapped files",
            "  resident at the end",
            gigabytes(bytes.resident()),
            gigabytes(bytes.anonymous()),
            gigabytes(bytes.file())));
  }

  private long beyondBase(ProcessMemory bytes) {
    return bytes.peak() - setting.modelBytes();
  }

  /// 10^9 bytes.
  private static String gigabytes(long bytes) {
    return format("%.3f GB", bytes / 1e9);
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /// The report as an object for JSON; memory and load are null where they weren't measured.
  public Map<String, Object> json() {
    Map<String, Object> json = setting.json();
    json.put("trained_parameters", trainedParameters);
    json.put("products", products);
    Map<String, Object> speeds = new LinkedHashMap<>();
    rounds.seconds().keySet().forEach(name -> speeds.put(name, tokensPerSecond(name).json()));
    json.put("tokens_per_second", speeds);
    json.put("training_step_to_llama_forward", ratio().json());
    json.put("seconds", rounds.seconds());
    json.put("machine_load", rounds.load().map(MachineLoad::json).orElse(null));
    json.put("step_seconds", breakdown.seconds());
    json.put("step_seconds_by_part", breakdown.parts());
    json.put("step_seconds_by_operation", breakdown.operations());
    json.put("memory", memory.map(this::json).orElse(null));
    return json;
  }

  private Map<String, Object> json(ProcessMemory bytes) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("peak_resident", bytes.peak());
    json.put("peak_beyond_model", beyondBase(bytes));
    json.put("resident", bytes.resident());
    json.put("resident_anonymous", bytes.anonymous());
    json.put("resident_file", bytes.file());
    return json;
  }
}

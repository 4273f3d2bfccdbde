package io.lorikeet.cli;

import io.lorikeet.train.ProcessMemory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// What `lorikeet bench` measured, for people and for programs.
///
/// @param setting what was measured
/// @param step the whole training step
/// @param forward the trainer's forward pass with the loss
/// @param llama llama.cpp's forward pass with logits for every token
/// @param breakdown where the training step's time goes
/// @param memory after training, before llama.cpp loaded anything
record BenchReport(
    Setting setting,
    Timing step,
    Timing forward,
    Timing llama,
    Breakdown breakdown,
    Optional<ProcessMemory> memory) {

  /// @param model the base's file
  /// @param modelBytes size of its file or files
  /// @param parameters elements of its tensors
  /// @param trainedParameters elements of the adapter
  /// @param target names of the adapted matrices
  /// @param device name of the trainer's device
  /// @param hardware what that device is
  /// @param products what multiplies matrices there
  record Setting(
      String model,
      long modelBytes,
      long parameters,
      long trainedParameters,
      int context,
      int rank,
      List<String> target,
      String device,
      String hardware,
      String products,
      int threads,
      int repetitions) {}

  /// The training step's speed as a share of llama.cpp's forward pass.
  double ratio() {
    return step.median() / llama.median();
  }

  /// The report as a table.
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s: %s, %s parameters"
            .formatted(
                setting.model(),
                gigabytes(setting.modelBytes()),
                Words.count(setting.parameters())));
    lines.add(
        "1 sequence of %d random tokens; rank %d on %s, %s trained parameters"
            .formatted(
                setting.context(),
                setting.rank(),
                String.join(",", setting.target()),
                Words.count(setting.trainedParameters())));
    lines.add(
        "%s (%s), threads: %d; products by %s"
            .formatted(
                setting.device(), setting.hardware(), setting.threads(), setting.products()));
    lines.add(
        "tokens/s: median of %d after a warm-up, slowest and fastest"
            .formatted(setting.repetitions()));
    lines.add("");
    lines.add(line("training step", step));
    lines.add(line("trainer's forward, loss", forward));
    lines.add(line("llama.cpp's forward, all logits", llama));
    lines.add(format("%-32s %8.3f", "training step / llama.cpp", ratio()));
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

  private static String line(String name, Timing timing) {
    return format(
        "%-32s %8.1f  (%.1f to %.1f)", name, timing.median(), timing.slowest(), timing.fastest());
  }

  /// 10^9 bytes.
  private static String gigabytes(long bytes) {
    return format("%.3f GB", bytes / 1e9);
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /// The report as an object for JSON; memory is null where it wasn't measured.
  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("lorikeet", Version.number());
    json.put("model", setting.model());
    json.put("model_bytes", setting.modelBytes());
    json.put("parameters", setting.parameters());
    json.put("trained_parameters", setting.trainedParameters());
    json.put("context", setting.context());
    json.put("rank", setting.rank());
    json.put("target", setting.target());
    json.put("device", setting.device());
    json.put("hardware", setting.hardware());
    json.put("products", setting.products());
    json.put("threads", setting.threads());
    json.put("repetitions", setting.repetitions());
    json.put("training_step", json(step));
    json.put("trainer_forward", json(forward));
    json.put("llama_forward_all_logits", json(llama));
    json.put("training_step_to_llama_forward", ratio());
    json.put("step_seconds", breakdown.seconds());
    json.put("step_seconds_by_part", breakdown.parts());
    json.put("step_seconds_by_operation", breakdown.operations());
    json.put("memory", memory.map(this::json).orElse(null));
    return json;
  }

  private static Map<String, Object> json(Timing timing) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("tokens_per_second", timing.median());
    json.put("slowest", timing.slowest());
    json.put("fastest", timing.fastest());
    json.put("seconds", timing.seconds());
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

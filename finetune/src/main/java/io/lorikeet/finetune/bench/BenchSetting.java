package io.lorikeet.finetune.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.Backend;
import io.lorikeet.finetune.LorikeetVersion;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.settings.Recompute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The run that `lorikeet bench` measures, and the machine.
///
/// @param measured `training` or `merging`
/// @param model the base's file
/// @param modelBytes size of its file or files
/// @param parameters elements of its tensors
/// @param context tokens of the sequence; 0 where nothing is computed on tokens
/// @param target names of the adapted matrices
/// @param device name of the device
/// @param hardware the device's own name
/// @param processors how many this process may use
/// @param recompute the parts of a layer that backward computes again; without meaning for merging
/// @param rounds how often each thing is measured
public record BenchSetting(
    String measured,
    String model,
    long modelBytes,
    long parameters,
    int context,
    int rank,
    List<String> target,
    String device,
    String hardware,
    int processors,
    Recompute recompute,
    int threads,
    int rounds) {

  static BenchSetting training(
      GgufFile base,
      int context,
      int rank,
      List<String> target,
      Backend backend,
      Recompute recompute,
      int threads,
      int rounds)
      throws IOException {
    return new BenchSetting(
        "training",
        base.paths().getFirst().toString(),
        bytes(base),
        base.parameterCount(),
        context,
        rank,
        target,
        backend.device().name(),
        backend.device().description(),
        Runtime.getRuntime().availableProcessors(),
        recompute,
        threads,
        rounds);
  }

  /// Merging computes on the CPU only.
  static BenchSetting merging(GgufFile base, int rank, List<String> target, int threads, int rounds)
      throws IOException {
    String cpu =
        Backend.devices().stream()
            .filter(device -> device.name().equals("cpu"))
            .findFirst()
            .orElseThrow()
            .description();
    return new BenchSetting(
        "merging",
        base.paths().getFirst().toString(),
        bytes(base),
        base.parameterCount(),
        0,
        rank,
        target,
        "cpu",
        cpu,
        Runtime.getRuntime().availableProcessors(),
        Recompute.AUTO,
        threads,
        rounds);
  }

  private static long bytes(GgufFile base) throws IOException {
    long bytes = 0;
    for (Path part : base.paths()) {
      bytes += Files.size(part);
    }
    return bytes;
  }

  /// The beginning of a report for programs.
  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("lorikeet", LorikeetVersion.number());
    json.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    json.put("model", model);
    json.put("rounds", rounds);
    json.put("recompute", recompute.name().toLowerCase(Locale.ROOT));
    json.putAll(comparable());
    return json;
  }

  /// The values that have to be equal for two reports to be comparable.
  private Map<String, Object> comparable() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("measured", measured);
    json.put("model_bytes", modelBytes);
    json.put("parameters", parameters);
    json.put("context", context);
    json.put("rank", rank);
    json.put("target", target);
    json.put("device", device);
    json.put("hardware", hardware);
    json.put("processors", processors);
    json.put("threads", threads);
    return json;
  }

  /// Refuses an older report of something else or of another machine.
  ///
  /// @throws InvalidInputException with everything that differs
  void requireComparable(Path file, JsonNode old) {
    JsonNode own = new ObjectMapper().valueToTree(comparable());
    List<String> differences = new ArrayList<>();
    own.forEachEntry(
        (key, value) -> {
          // As text: numbers that were read may be of a narrower type.
          String before = old.path(key).toString();
          if (!before.equals(value.toString())) {
            differences.add(
                "%s: %s there, %s here"
                    .formatted(key, before.isEmpty() ? "nothing" : before, value));
          }
        });
    if (!differences.isEmpty()) {
      throw new InvalidInputException(
          "--compare: %s isn't of the same setting and machine (%s)"
              .formatted(file, String.join("; ", differences)));
    }
  }
}

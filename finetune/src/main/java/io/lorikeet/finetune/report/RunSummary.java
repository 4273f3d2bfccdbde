package io.lorikeet.finetune.report;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent.Check;
import io.lorikeet.train.settings.RunFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The story of a run beside its numbers, as `summary.json` in its folder keeps it.
///
/// @param base the model that is trained on
/// @param steps steps in all
/// @param trained parameters of A and B
/// @param starts the times at which the run began or went on
/// @param notes sentences that the run told, in their order
/// @param warnings sentences that asked for action
/// @param verdicts of the gate, in the order of their steps
/// @param end null while the run goes on, and where the process was killed
/// @param proof null until the adapter is verified
/// @param matrices the adapter's change of each matrix; empty until the end
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RunSummary(
    @Nullable Base base,
    int steps,
    long trained,
    List<Start> starts,
    List<String> notes,
    List<String> warnings,
    List<GateRecord> verdicts,
    @Nullable End end,
    @Nullable Proof proof,
    List<MatrixUpdate> matrices) {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /// The base's identity.
  ///
  /// @param quantization the type that most of its weights have
  /// @param parameters of the base
  public record Base(
      String name, String architecture, String quantization, String sha256, long parameters) {

    /// @param base the open base
    public static Base of(GgufFile base, BaseIdentity identity) {
      return new Base(
          identity.name(),
          base.metadata().string("general.architecture").orElse(""),
          identity.quantization(),
          identity.hash(),
          base.parameterCount());
    }
  }

  /// @param time in ISO 8601, UTC
  /// @param step steps that were done already
  public record Start(String time, int step) {}

  /// @param time in ISO 8601, UTC
  public record End(String time, Outcome outcome, String message) {}

  /// The ways a run ends.
  public enum Outcome {
    /// All steps are done, and the adapter is written.
    FINISHED,
    /// It was asked to stop, or its time was over. It can go on.
    STOPPED,
    /// An error ended it.
    FAILED
  }

  /// A verdict of the gate.
  ///
  /// @param step steps that the adapter was trained
  public record GateRecord(int step, boolean passes, List<Check> checks) {
    /// Whether it passes, in words.
    String words() {
      return "after step %s: %s".formatted(step, passes ? "passes" : "doesn't pass");
    }
  }

  /// llama.cpp's proof of the adapter.
  ///
  /// @param verdict `passed`, `failed` or `inconclusive`
  /// @param lines the proof in words
  public record Proof(String verdict, List<String> lines) {}

  /// The change of one matrix by its pair.
  ///
  /// @param tensor the adapted weight's name
  /// @param norm ‖ΔW‖, the Frobenius norm; over all experts together
  /// @param effectiveRank of ΔW; of experts the mean
  public record MatrixUpdate(String tensor, int rank, double norm, double effectiveRank) {}

  /// Reads a run's summary; empty where there is none, as in runs of earlier versions.
  ///
  /// @param run the run's folder
  /// @throws InvalidInputException when it isn't one
  public static Optional<RunSummary> read(Path run) throws IOException {
    Path file = run.resolve(RunFiles.SUMMARY);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      RunSummary read = JSON.readValue(file.toFile(), RunSummary.class);
      return Optional.of(read.withoutNulls());
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(
          file + ": this isn't the summary of a run; remove it, the run doesn't need it", e);
    }
  }

  /// A file of another version may lack lists.
  private RunSummary withoutNulls() {
    return new RunSummary(
        base,
        steps,
        trained,
        orEmpty(starts),
        orEmpty(notes),
        orEmpty(warnings),
        orEmpty(verdicts),
        end,
        proof,
        orEmpty(matrices));
  }

  private static <T> List<T> orEmpty(@Nullable List<T> list) {
    return list == null ? List.of() : List.copyOf(list);
  }

  /// Writes it into a run's folder.
  void write(Path run) throws IOException {
    try (AtomicFile file = AtomicFile.create(run.resolve(RunFiles.SUMMARY))) {
      JSON.writeValue(file.path().toFile(), this);
      file.commit();
    }
  }
}

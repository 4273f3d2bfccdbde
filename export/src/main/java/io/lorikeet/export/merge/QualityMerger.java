package io.lorikeet.export.merge;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.export.MergeVerification;
import io.lorikeet.export.MergeVerifier;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/// Merges so that the file answers nearly as base and adapters do, and gives larger types to as few
/// tensors as that takes. First come those whose rounding errs most for each byte that a larger
/// type would cost.
public final class QualityMerger {
  private static final List<TensorType> LARGER = List.of(TensorType.Q8_0, TensorType.F16);

  private final GgufFile base;
  private final List<AdapterMerger.Adapter> adapters;
  private final AdapterMerger.MergeSettings settings;
  private final MergeVerifier.Reference reference;
  private final double limit;
  private final Consumer<String> log;

  /// A merged file that is good enough.
  ///
  /// @param raised tensors that got another type than they had
  public record MergeOutcome(
      MergeReport report, MergeVerification verification, Map<String, TensorType> raised) {}

  /// @param settings whose types are left aside
  /// @param reference the answers of base and adapters
  /// @param limit mean Kullback-Leibler divergence from that, in nats
  /// @param log told of each trial
  public QualityMerger(
      GgufFile base,
      List<AdapterMerger.Adapter> adapters,
      AdapterMerger.MergeSettings settings,
      MergeVerifier.Reference reference,
      double limit,
      Consumer<String> log) {
    this.base = base;
    this.adapters = List.copyOf(adapters);
    this.settings = settings;
    this.reference = reference;
    this.limit = limit;
    this.log = log;
  }

  /// Writes the merged file, which gets its name when it is good enough.
  ///
  /// @throws InvalidInputException when even F16 for all adapted tensors isn't
  /// @throws IOException when the disk refuses
  public MergeOutcome merge(Path output) throws IOException {
    new AdapterMerger(base, adapters, settings).check(output);
    try (AtomicFile file = AtomicFile.create(output)) {
      MergeOutcome outcome = search(file.path());
      file.commit();
      return outcome;
    }
  }

  private MergeOutcome search(Path file) throws IOException {
    MergeOutcome best = attempt(file, Map.of());
    if (isGood(best)) {
      return best;
    }
    List<MergeReport.Merged> plain = best.report().tensors();
    for (TensorType type : LARGER) {
      List<MergeReport.Merged> worstFirst =
          plain.stream()
              .sorted(Comparator.comparingDouble(tensor -> -errorPerByte(tensor, type)))
              .toList();
      best = attempt(file, raised(worstFirst, worstFirst.size(), type));
      if (isGood(best)) {
        return fewest(file, worstFirst, type);
      }
    }
    throw new InvalidInputException(
        String.format(
            Locale.ROOT,
            "a divergence of %.3g isn't reached even with all adapted tensors in F16, which has"
                + " %.3g. Give a larger --keep-quality",
            limit,
            best.verification().difference().divergence()));
  }

  /// By bisection, as if more tensors of the larger type were always better.
  private MergeOutcome fewest(Path file, List<MergeReport.Merged> worstFirst, TensorType type)
      throws IOException {
    int tooFew = 0;
    int enough = worstFirst.size();
    while (enough - tooFew > 1) {
      int middle = (tooFew + enough) / 2;
      if (isGood(attempt(file, raised(worstFirst, middle, type)))) {
        enough = middle;
      } else {
        tooFew = middle;
      }
    }
    return attempt(file, raised(worstFirst, enough, type));
  }

  private boolean isGood(MergeOutcome outcome) {
    return outcome.verification().difference().divergence() <= limit;
  }

  private MergeOutcome attempt(Path file, Map<String, TensorType> raised) throws IOException {
    MergeReport report =
        new AdapterMerger(base, adapters, settings.withTypes(MergeTypes.keepBut(raised)))
            .merge(file, (_, _) -> {});
    MergeOutcome outcome = new MergeOutcome(report, reference.compare(file), raised);
    log.accept(
        String.format(
            Locale.ROOT,
            "%d of %d tensors in a larger type: divergence %.3g",
            raised.size(),
            report.tensors().size(),
            outcome.verification().difference().divergence()));
    return outcome;
  }

  private Map<String, TensorType> raised(
      List<MergeReport.Merged> worstFirst, int count, TensorType type) {
    Map<String, TensorType> types = new HashMap<>();
    for (MergeReport.Merged tensor : worstFirst.subList(0, count)) {
      if (rowBytes(tensor.from(), tensor) < rowBytes(larger(tensor, type), tensor)) {
        types.put(tensor.name(), larger(tensor, type));
      }
    }
    return types;
  }

  private double errorPerByte(MergeReport.Merged tensor, TensorType type) {
    long more = rowBytes(larger(tensor, type), tensor) - rowBytes(tensor.from(), tensor);
    long rows = rows(tensor);
    return more <= 0 ? 0 : tensor.survival().squaredError() / (more * rows);
  }

  /// Rows that no block fits become F16.
  private TensorType larger(MergeReport.Merged tensor, TensorType type) {
    return columns(tensor) % type.blockSize() == 0 ? type : TensorType.F16;
  }

  private long rowBytes(TensorType type, MergeReport.Merged tensor) {
    return type.rowBytes(columns(tensor));
  }

  private long columns(MergeReport.Merged tensor) {
    return tensor(tensor).shape().getFirst();
  }

  private long rows(MergeReport.Merged tensor) {
    return tensor(tensor).elements() / columns(tensor);
  }

  private GgufTensor tensor(MergeReport.Merged tensor) {
    return base.tensor(tensor.name()).orElseThrow();
  }
}

package io.lorikeet.models.architecture;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// The small model of every family on a device, held against the CPU in F32. `bench/gpu` runs it
/// where there is no JUnit.
///
/// `java ... io.lorikeet.models.architecture.FamiliesOnDevice DEVICE FILE` prints a line for each
/// family and ends with 1 where a loss or a gradient differs. Those that FILE names are passed
/// over; a family without a difference is added to it.
public final class FamiliesOnDevice {
  private static final double BOUND = 2e-2;

  /// Of bases of more layers or of several streams, through which rounding to BF16 grows.
  private static final double BOUND_IN_DEPTH = 6e-2;

  /// Of Gemma 3n's 22 layers of several streams: 6.8e-2 on Mesa's device, 4e-4 there with products
  /// in F32.
  private static final double BOUND_OF_GEMMA_3N = 1e-1;

  private static final List<String> DEEP =
      List.of("nemotron_h", "gemma4 shared keys", "gemma3n few layers");

  /// No block, tile or chunk of eight tokens and fewer: see [VulkanTest].
  private static final PassShape SHAPE = new PassShape(1, 20, 20, 20, 20);

  /// The results of a pass.
  record Outcome(double loss, double[] gradients) {
    /// The larger of the relative errors of loss and gradients, beside the right ones.
    double error(Outcome expected) {
      double ofLoss = Math.abs(loss - expected.loss) / expected.loss;
      return Math.max(ofLoss, ModelRun.relativeError(gradients, expected.gradients));
    }
  }

  private FamiliesOnDevice() {}

  public static void main(String[] arguments) throws IOException {
    Path file = Files.createTempFile("family", ".gguf");
    Path seen = Path.of(arguments[1]);
    List<String> right = Files.exists(seen) ? Files.readAllLines(seen) : List.of();
    int wrong = 0;
    for (FamilyCase family : FamilyCase.all().toList()) {
      if (right.contains(family.name())) {
        continue;
      }
      family.of(TensorType.F32).write(file);
      Outcome expected = run(file, family, "cpu", false);
      double error = run(file, family, arguments[0], false).error(expected);
      boolean isRight = error <= bound(family); // which NaN isn't
      wrong += isRight ? 0 : 1;
      System.out.printf(
          "%s %s: relative error %.1e%n", isRight ? "ok   " : "WRONG", family.name(), error);
      if (isRight) {
        Files.writeString(seen, family.name() + "\n", CREATE, APPEND);
      }
    }
    Files.delete(file);
    System.out.println(
        wrong == 0 ? "all families are right" : wrong + " families have wrong gradients");
    System.exit(wrong == 0 ? 0 : 1);
  }

  /// The largest relative error that rounding explains.
  static double bound(FamilyCase family) {
    if (family.name().equals("gemma3n")) {
      return BOUND_OF_GEMMA_3N;
    }
    return DEEP.contains(family.name()) ? BOUND_IN_DEPTH : BOUND;
  }

  /// One pass on a device.
  ///
  /// @param streamed whether layers take turns in memory
  static Outcome run(Path file, FamilyCase family, String device, boolean streamed)
      throws IOException {
    // A seed for which rounding to BF16 brings no token to another expert.
    TokenBatch batch = RandomInputs.packedBatch(RandomFamily.VOCABULARY, 1, 20, 7);
    List<LoraPair> pairs;
    try (GgufFile base = GgufFile.open(file)) {
      pairs = RandomInputs.pairs(base, ModelRun.roles(file), 12, 5);
    }
    LoraAdapter adapter = new LoraAdapter(family.of(TensorType.F32).architecture(), 8, pairs);
    ModelOptions options = new ModelOptions(SHAPE, Precision.F32, true, 0);
    try (ModelRun run = new ModelRun(file, device, adapter, options, streamed)) {
      double loss = run.model.lossAndGradients(batch, 0);
      return new Outcome(loss, ModelRun.widened(run.lora.gradients().downloadFloats()));
    }
  }
}

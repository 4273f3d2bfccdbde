package io.lorikeet.train.optimizer;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.train.checkpoint.StateVector;
import io.lorikeet.train.settings.AdamWSettings;
import io.lorikeet.train.settings.OptimizerState;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// AdamW (arXiv 1711.05101) in F32: bias-corrected moments, decay that doesn't go through them. The
/// gradient's norm is computed on the device, the update where the moments are.
public final class AdamW implements AutoCloseable {
  private final LoraParameters parameters;
  private final Backend backend;
  private final AdamWSettings settings;
  private final boolean mapped;
  private final GradientNorm norm;
  private @Nullable Backend host;
  private Moments moments;
  private MomentsUpdate update;
  private int steps;

  /// With the moments on the device.
  public AdamW(LoraParameters parameters, AdamWSettings settings, Backend backend) {
    this(parameters, settings, backend, OptimizerState.DEVICE, null);
  }

  /// @param placement of the moments
  /// @param folder for their file, where they are mapped
  public AdamW(
      LoraParameters parameters,
      AdamWSettings settings,
      Backend backend,
      OptimizerState placement,
      @Nullable Path folder) {
    this.parameters = parameters;
    this.backend = backend;
    this.settings = settings;
    mapped = placement == OptimizerState.MAPPED;
    norm = new GradientNorm(parameters.gradients(), backend);
    try {
      if (placement != OptimizerState.DEVICE && !backend.isCpu()) {
        host =
            backend.isPlanning()
                ? Backend.planning("cpu", backend.threads())
                : Backend.open("cpu", backend.threads());
      }
      Backend computing = host == null ? backend : host;
      moments = new Moments(computing, parameters.values().shape(), mapped ? folder : null);
      update = new MomentsUpdate(parameters, moments, computing, host == null);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /// Has the squares of the summed gradients, as they are, summed: the square of their global norm.
  ///
  /// @return where the device puts it, F32 `[1]`
  public Tensor sumSquares() {
    return norm.sumSquares();
  }

  /// Updates the parameters and sets the gradients to zero.
  ///
  /// @param learningRate of A; B's is a multiple of it
  /// @param gradientFactor factor of the summed gradients: for the mean over tokens, and for
  ///     clipping
  public void step(double learningRate, double gradientFactor) {
    steps++;
    float[] hyperparameters = {
      (float) learningRate,
      (float) settings.beta1(),
      (float) settings.beta2(),
      (float) settings.epsilon(),
      (float) settings.weightDecay(),
      (float) (1 / (1 - Math.pow(settings.beta1(), steps))),
      (float) (1 / (1 - Math.pow(settings.beta2(), steps)))
    };
    float rateOfB = (float) (learningRate * settings.rateRatio());
    update.run(hyperparameters, rateOfB, (float) gradientFactor);
    backend.run(MomentsUpdate.NAME, "clear", parameters.gradients()::clear);
  }

  /// Bytes of the device's memory, without those of mapped files.
  public long deviceBytes() {
    return norm.bytes() + (host == null ? update.bytes() + (mapped ? 0 : moments.bytes()) : 0);
  }

  /// Bytes of the host's memory, without those of mapped files.
  public long hostBytes() {
    return host == null ? 0 : update.bytes() + (mapped ? 0 : moments.bytes());
  }

  /// Bytes of mapped files.
  public long mappedBytes() {
    return mapped ? moments.bytes() : 0;
  }

  /// The optimizer's state for each parameter.
  public List<StateVector> state() {
    return List.of(
        StateVector.of("first_moment", moments.first()),
        StateVector.of("second_moment", moments.second()));
  }

  /// Updates made so far, which the correction of the moments' bias goes by.
  public int steps() {
    return steps;
  }

  /// Goes on from a state that was put back into [#state].
  public void setSteps(int done) {
    steps = done;
  }

  @Override
  public void close() {
    if (update != null) {
      update.close();
    }
    if (moments != null) {
      moments.close();
    }
    if (host != null) {
      host.close();
    }
    norm.close();
  }
}

package io.lorikeet.train;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.GraphMemory;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.train.checkpoint.StateVector;
import java.util.List;

/// AdamW (arXiv 1711.05101) in F32 on the device: bias-corrected moments, decay that doesn't go
/// through them.
final class AdamW implements AutoCloseable {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final float EPSILON = 1e-8f;

  private final LoraParameters parameters;
  private final double weightDecay;
  private final DeviceTensors state;
  private Graph norm;
  private Graph update;
  private GraphMemory memory;
  private int steps;

  AdamW(LoraParameters parameters, double weightDecay, Backend backend) {
    this.parameters = parameters;
    this.weightDecay = weightDecay;
    Shape shape = parameters.values().shape();
    state =
        DeviceTensors.allocate(
            backend,
            List.of(
                new Spec("first_moments", TensorType.F32, shape),
                new Spec("second_moments", TensorType.F32, shape),
                new Spec("hyperparameters", TensorType.F32, Shape.of(7)),
                new Spec("gradient_factor", TensorType.F32, Shape.of(1)),
                new Spec("squared_norm", TensorType.F32, Shape.of(1))));
    try {
      state.get("first_moments").clear();
      state.get("second_moments").clear();
      norm = normGraph(backend);
      update = updateGraph(backend);
      memory = new GraphMemory(backend);
      memory.allocate(List.of(norm, update));
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private Graph normGraph(Backend backend) {
    Ops ops = new Ops();
    Tensor squares = ops.square(ops.constant(parameters.gradients()));
    ops.schedule(ops.copy(ops.sum(squares), ops.constant(state.get("squared_norm"))));
    return new Graph("the norm of the gradient", backend, ops);
  }

  private Graph updateGraph(Backend backend) {
    Ops ops = new Ops();
    Tensor gradient =
        ops.mul(ops.constant(parameters.gradients()), ops.constant(state.get("gradient_factor")));
    ops.schedule(
        ops.adamW(
            ops.constant(parameters.values()),
            gradient,
            ops.constant(state.get("first_moments")),
            ops.constant(state.get("second_moments")),
            ops.constant(state.get("hyperparameters"))));
    return new Graph("the optimizer's step", backend, ops);
  }

  /// The global norm of the summed gradients, as they are.
  double gradientNorm() {
    norm.compute();
    return Math.sqrt(state.get("squared_norm").downloadFloats()[0]);
  }

  /// Updates the parameters and sets the gradients to zero.
  ///
  /// @param gradientFactor what the summed gradients are multiplied by: the mean over tokens, and
  ///     clipping
  void step(double learningRate, double gradientFactor) {
    steps++;
    float[] hyperparameters = {
      (float) learningRate,
      (float) BETA1,
      (float) BETA2,
      EPSILON,
      (float) weightDecay,
      (float) (1 / (1 - Math.pow(BETA1, steps))),
      (float) (1 / (1 - Math.pow(BETA2, steps)))
    };
    state.get("hyperparameters").upload(hyperparameters);
    state.get("gradient_factor").upload(new float[] {(float) gradientFactor});
    update.compute();
    parameters.gradients().clear();
  }

  /// Bytes of the device's memory that the moments and the step take.
  long bytes() {
    return state.bytes() + memory.bytes();
  }

  /// What the optimizer keeps for each parameter.
  List<StateVector> state() {
    return List.of(
        StateVector.of("first_moment", state.get("first_moments")),
        StateVector.of("second_moment", state.get("second_moments")));
  }

  /// Updates made so far, which the correction of the moments' bias goes by.
  int steps() {
    return steps;
  }

  /// Goes on from a state that was put back into [#state].
  void setSteps(int done) {
    steps = done;
  }

  @Override
  public void close() {
    if (memory != null) {
      memory.close();
    }
    if (update != null) {
      update.close();
    }
    if (norm != null) {
      norm.close();
    }
    state.close();
  }
}

package io.lorikeet.train.optimizer;

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
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// AdamW's update of the parameters, by ggml where the moments are, and piece by piece, so that
/// little scratch is wanted. Where the moments are on the host, each piece is brought over with its
/// gradients and taken back.
final class MomentsUpdate implements AutoCloseable {
  /// Its name in profiles.
  static final String NAME = "the optimizer's step";

  /// Elements of a piece: 8 MiB.
  static final long PIECE = 1 << 21;

  private final LoraParameters parameters;
  private final Moments moments;
  private final DeviceTensors inputs;
  private @Nullable DeviceTensors pieces;
  private final Map<Long, UpdateStep> steps = new TreeMap<>(); // by their sizes
  private GraphMemory memory;

  /// The update of a piece of some size.
  private record UpdateStep(
      long elements, Graph graph, Tensor values, Tensor gradients, Tensor first, Tensor second) {}

  /// @param backend where the moments are
  /// @param sameMemory whether parameters and gradients are there as well
  MomentsUpdate(LoraParameters parameters, Moments moments, Backend backend, boolean sameMemory) {
    this.parameters = parameters;
    this.moments = moments;
    long all = parameters.values().shape().elements();
    long ofB = all - parameters.startOfB();
    inputs =
        DeviceTensors.allocate(
            backend,
            List.of(
                new Spec("hyperparameters", TensorType.F32, Shape.of(7)),
                new Spec("gradient_factor", TensorType.F32, Shape.of(1))));
    try {
      long piece = Math.min(PIECE, all);
      if (!sameMemory) {
        pieces =
            DeviceTensors.allocate(
                backend,
                List.of(
                    new Spec("values", TensorType.F32, Shape.of(piece)),
                    new Spec("gradients", TensorType.F32, Shape.of(piece))));
      }
      for (long elements : List.of(parameters.startOfB(), ofB)) {
        sizes(elements).forEach(size -> steps.computeIfAbsent(size, _ -> step(backend, size)));
      }
      memory = new GraphMemory(backend);
      steps.values().forEach(step -> bind(step, 0));
      memory.allocate(steps.values().stream().map(UpdateStep::graph).toList());
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /// The sizes of the pieces that a part of the parameters is updated in.
  private static List<Long> sizes(long elements) {
    List<Long> sizes = new ArrayList<>(Collections.nCopies((int) (elements / PIECE), PIECE));
    if (elements % PIECE != 0) {
      sizes.add(elements % PIECE);
    }
    return sizes;
  }

  private UpdateStep step(Backend backend, long elements) {
    Ops ops = new Ops();
    Shape shape = Shape.of(elements);
    Tensor values = ops.placeholder("values", TensorType.F32, shape);
    Tensor gradients = ops.placeholder("gradients", TensorType.F32, shape);
    Tensor first = ops.placeholder("first_moments", TensorType.F32, shape);
    Tensor second = ops.placeholder("second_moments", TensorType.F32, shape);
    Tensor scaled = ops.mul(gradients, ops.constant(inputs.get("gradient_factor")));
    ops.schedule(
        ops.adamW(values, scaled, first, second, ops.constant(inputs.get("hyperparameters"))));
    Graph graph = new Graph(NAME, backend, ops);
    return new UpdateStep(elements, graph, values, gradients, first, second);
  }

  private void bind(UpdateStep step, long start) {
    long offset = start * Float.BYTES;
    Graph graph = step.graph();
    graph.bind(step.first(), moments.first(), offset);
    graph.bind(step.second(), moments.second(), offset);
    if (pieces == null) {
      graph.bind(step.values(), parameters.values(), offset);
      graph.bind(step.gradients(), parameters.gradients(), offset);
    } else {
      graph.bind(step.values(), pieces.get("values"));
      graph.bind(step.gradients(), pieces.get("gradients"));
    }
  }

  /// @param hyperparameters as ggml's OPT_STEP_ADAMW takes them, with A's learning rate first
  /// @param rateOfB the learning rate of B
  /// @param gradientFactor factor of the summed gradients
  void run(float[] hyperparameters, float rateOfB, float gradientFactor) {
    inputs.get("gradient_factor").upload(new float[] {gradientFactor});
    inputs.get("hyperparameters").upload(hyperparameters);
    run(0, parameters.startOfB());
    float[] ofB = hyperparameters.clone();
    ofB[0] = rateOfB;
    inputs.get("hyperparameters").upload(ofB);
    run(parameters.startOfB(), parameters.values().shape().elements());
  }

  private void run(long from, long to) {
    long start = from;
    for (long size : sizes(to - from)) {
      UpdateStep step = Objects.requireNonNull(steps.get(size));
      bind(step, start);
      run(step, start);
      start += size;
    }
  }

  private void run(UpdateStep step, long start) {
    if (pieces == null) {
      step.graph().compute();
      return;
    }
    long offset = start * Float.BYTES;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(step.elements() * Float.BYTES, Float.BYTES);
      parameters.gradients().download(copy, offset);
      pieces.get("gradients").upload(copy, 0);
      parameters.values().download(copy, offset);
      pieces.get("values").upload(copy, 0);
      step.graph().compute();
      pieces.get("values").download(copy, 0);
      parameters.values().upload(copy, offset);
    }
  }

  long bytes() {
    return inputs.bytes() + memory.bytes() + (pieces == null ? 0 : pieces.bytes());
  }

  @Override
  public void close() {
    if (memory != null) {
      memory.close();
    }
    steps.values().forEach(step -> step.graph().close());
    if (pieces != null) {
      pieces.close();
    }
    inputs.close();
  }
}

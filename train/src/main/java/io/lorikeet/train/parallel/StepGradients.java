package io.lorikeet.train.parallel;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.architecture.TransformerModel.Losses;
import io.lorikeet.models.architecture.TransformerModel.Pass;
import java.util.List;
import java.util.function.Supplier;

/// Computes the gradients of a step's micro-batches.
public interface StepGradients extends AutoCloseable {
  /// Adds the gradient of each batch's loss to the model's gradients, in their order.
  ///
  /// @param model with the parameters that they are computed with
  /// @param passes the micro-batches
  /// @param squares has the squares of the sum summed, F32 `[1]`, which is read with the losses
  /// @param afterBatch called while the parameters are still those before the step
  /// @return the losses of each batch
  /// @throws MachineException when other machines were to compute and can't
  Losses add(
      TransformerModel model, List<Pass> passes, Supplier<Tensor> squares, Runnable afterBatch);

  /// Releases what was taken to compute with.
  @Override
  void close();

  /// By the model itself.
  static StepGradients local() {
    return new StepGradients() {
      @Override
      public Losses add(
          TransformerModel model,
          List<Pass> passes,
          Supplier<Tensor> squares,
          Runnable afterBatch) {
        for (int first = 0; first < passes.size(); first += model.passes()) {
          int end = Math.min(first + model.passes(), passes.size());
          model.addGradients(passes.subList(first, end));
          afterBatch.run();
        }
        return model.takeLosses(squares.get());
      }

      @Override
      public void close() {}
    };
  }
}

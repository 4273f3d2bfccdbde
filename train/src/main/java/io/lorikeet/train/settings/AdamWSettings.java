package io.lorikeet.train.settings;

/// The numbers of AdamW (arXiv 1711.05101) that stay the same over a run.
///
/// @param weightDecay decoupled decay of A and B
/// @param beta1 how much of the gradients' mean stays from step to step
/// @param beta2 how much of the mean of their squares does
/// @param epsilon is added to the root of that mean, by which the step is divided
/// @param rateRatio B's learning rate as a multiple of A's (LoRA+, arXiv 2402.12354)
public record AdamWSettings(
    double weightDecay, double beta1, double beta2, double epsilon, double rateRatio) {
  static final double BETA1 = 0.9;
  static final double BETA2 = 0.999;
  static final double EPSILON = 1e-8;

  /// With the betas and epsilon that nearly everybody uses, and one rate for all.
  public static AdamWSettings of(double weightDecay) {
    return new AdamWSettings(weightDecay, BETA1, BETA2, EPSILON, 1);
  }
}

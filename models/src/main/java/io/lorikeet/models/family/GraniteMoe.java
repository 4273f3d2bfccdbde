package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;

/// Granite 3's mixtures of experts: Granite's factors; perhaps a part that every token goes through
/// beside its experts.
final class GraniteMoe extends Granite {
  GraniteMoe() {
    super(
        "granitemoe",
        "Granite 3.1 1B-A400M and 3B-A800M",
        "Granite's factors; experts, perhaps a shared one");
  }

  /// llama.cpp ignores the switch here.
  @Override
  boolean mayLackPositions() {
    return false;
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.EXPERTS);
  }

  @Override
  boolean hasSharedPart() {
    return true;
  }

  @Override
  public Experts experts(ModelKeys keys) {
    return requireSoftMaxExperts(keys, "feed_forward_length", true)
        .withShared(keys.count("expert_shared_feed_forward_length"));
  }
}

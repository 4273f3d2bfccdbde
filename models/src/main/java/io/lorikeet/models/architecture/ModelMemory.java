package io.lorikeet.models.architecture;

/// The memory of the device that a pass takes besides weights and adapter, in bytes.
///
/// @param hiddenStates the layers' inputs, kept for backward, and their gradient; keys and values
///     that several layers attend to
/// @param hiddenStatesOnHost those that are kept in the host's memory
/// @param activations results of each layer that are kept for backward, see [SavedActivations]
/// @param inputs batch, masks and constants
/// @param folded weights with their adapter rounded in
/// @param scratch the graphs' shared memory: activations, logits, dequantized weights
/// @param libraryScratch scratch memory of the device's library to run them
public record ModelMemory(
    long hiddenStates,
    long hiddenStatesOnHost,
    long activations,
    long inputs,
    long folded,
    long scratch,
    long libraryScratch) {}

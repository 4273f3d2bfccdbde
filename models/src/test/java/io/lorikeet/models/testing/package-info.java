/// Test helpers of several modules beside [io.lorikeet.models.random.RandomModel]: random batches
/// and adapters, and a slow, exact model to compare the real one with.
///
/// - [io.lorikeet.models.testing.RandomInputs] makes batches and adapters.
/// - [io.lorikeet.models.testing.ReferenceModel] computes the same model in `double`, forward and
///   backward, in plain Java. It is itself held against central differences, against autograd of
///   another framework (a saved fixture) and against llama.cpp.
package io.lorikeet.models.testing;

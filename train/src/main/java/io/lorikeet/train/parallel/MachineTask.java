package io.lorikeet.train.parallel;

import java.io.Serializable;

/// Work that any process of a cluster can do.
///
/// @param <R> of its result, which travels back
@FunctionalInterface
public interface MachineTask<R extends Serializable> extends Serializable {
  /// Does the work in this process.
  ///
  /// @param machine name or address of the machine
  /// @throws Exception when the process should be taken for broken, and the work done elsewhere
  R run(String machine) throws Exception;
}

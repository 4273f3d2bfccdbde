package io.lorikeet.bindings;

import java.util.ArrayList;
import java.util.List;

/// Resources that an object owns and closes with itself, last opened first. For one thread.
public final class OwnedResources implements AutoCloseable {
  private final List<AutoCloseable> resources = new ArrayList<>();

  /// Owns nothing yet.
  public OwnedResources() {}

  /// Takes a resource over.
  ///
  /// @return the resource
  public <T extends AutoCloseable> T add(T resource) {
    resources.add(resource);
    return resource;
  }

  /// Closes all of them, those too that follow one that can't be closed; a second call does
  /// nothing.
  ///
  /// @throws IllegalStateException when one threw what isn't a `RuntimeException`
  @Override
  public void close() {
    RuntimeException failure = null;
    for (AutoCloseable resource : resources.reversed()) {
      try {
        resource.close();
      } catch (Exception e) {
        RuntimeException problem =
            e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
        if (failure == null) {
          failure = problem;
        } else {
          failure.addSuppressed(problem);
        }
      }
    }
    resources.clear();
    if (failure != null) {
      throw failure;
    }
  }
}

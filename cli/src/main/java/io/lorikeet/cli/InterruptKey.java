package io.lorikeet.cli;

import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.jspecify.annotations.Nullable;

/// Ctrl-C while something runs that it shall stop, instead of the whole program.
///
/// Java's only public answer to the key are shutdown hooks, after which nothing goes on. So this is
/// `sun.misc.Signal` of the module jdk.unsupported, called by reflection, since the compiler warns
/// of every mention of it. Where a Java has no such class, the key ends the program as ever.
final class InterruptKey implements AutoCloseable {
  private final @Nullable Object before;
  private volatile boolean pressed;

  /// From now on the key is only remembered.
  InterruptKey() {
    before = handle(this::handler);
  }

  private interface HandlerMaker {
    Object make(Class<?> type);
  }

  private Object handler(Class<?> type) {
    return Proxy.newProxyInstance(
        type.getClassLoader(),
        new Class<?>[] {type},
        (proxy, method, arguments) ->
            switch (method.getName()) {
              case "handle" -> {
                pressed = true;
                yield null;
              }
              case "equals" -> proxy == arguments[0];
              case "hashCode" -> System.identityHashCode(proxy);
              default -> "handler of Ctrl-C";
            });
  }

  /// `Signal.handle(new Signal("INT"), handler)`.
  ///
  /// @return the handler before, or null where signals can't be handled
  private static @Nullable Object handle(HandlerMaker maker) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Constructor<?> constructor = signal.getConstructor(String.class);
      Method handle = signal.getMethod("handle", signal, handler);
      return handle.invoke(null, constructor.newInstance("INT"), maker.make(handler));
    } catch (ReflectiveOperationException | IllegalArgumentException _) {
      return null;
    }
  }

  /// Whether it was pressed since.
  boolean pressed() {
    return pressed;
  }

  /// Gives the key its meaning back.
  @Override
  public void close() {
    if (before != null) {
      handle(_ -> before);
    }
  }
}

package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_log_callback;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/// The log lines of ggml and llama.cpp. They go to the SLF4J logger `io.lorikeet.native`; what both
/// libraries call information is written for their developers, so it is logged as debug, and debug
/// as trace.
public final class NativeLog {
  private static final Logger LOG = LoggerFactory.getLogger("io.lorikeet.native");
  private static final ThreadLocal<Line> LINE = ThreadLocal.withInitial(Line::new);

  private NativeLog() {}

  /// Routes the libraries' log lines to SLF4J, for the rest of the process. libllama logs through a
  /// callback of its own, so both are set when it is loaded.
  ///
  /// @param setCallback `ggml_log_set` or `llama_log_set`
  static void route(CallbackSetter setCallback) {
    setCallback.set(
        ggml_log_callback.allocate(NativeLog::write, Arena.global()), MemorySegment.NULL);
  }

  /// A native function that takes a log callback and its user data.
  @FunctionalInterface
  interface CallbackSetter {
    void set(MemorySegment callback, MemorySegment userData);
  }

  /// Collects the errors that native calls of this thread log until it is closed: why a call failed
  /// is told nowhere else. They are logged as debug meanwhile, since they become part of an
  /// exception.
  public static Errors captureErrors() {
    return new Errors(LINE.get());
  }

  /// The errors logged by one thread since it was opened.
  public static final class Errors implements AutoCloseable {
    private final Line line;
    private final @Nullable Errors outer;
    private final List<String> lines = new ArrayList<>();

    private Errors(Line line) {
      this.line = line;
      outer = line.errors;
      line.errors = this;
    }

    /// The lines as one sentence with a colon before it, or an empty string when there is none.
    public String text() {
      flush(line);
      return lines.isEmpty() ? "" : ": " + String.join("; ", lines);
    }

    @Override
    public void close() {
      line.errors = outer;
    }
  }

  /// Passes what native calls of this thread log as information to a listener until it is closed:
  /// some of them tell only there how far they are.
  public static Listening listen(Consumer<String> listener) {
    return new Listening(LINE.get(), listener);
  }

  /// The information logged by one thread while it is open.
  public static final class Listening implements AutoCloseable {
    private final Line line;

    private Listening(Line line, Consumer<String> listener) {
      this.line = line;
      line.listener = listener;
    }

    @Override
    public void close() {
      flush(line);
      line.listener = null;
    }
  }

  /// The line a thread is writing: a message may come in pieces, and only the first piece has the
  /// level.
  private static final class Line {
    private final StringBuilder text = new StringBuilder();
    private Level level = Level.INFO;
    private @Nullable Errors errors;
    private @Nullable Consumer<String> listener;
  }

  /// Called from native code, so that nothing may be thrown out of it.
  private static void write(int level, MemorySegment text, MemorySegment userData) {
    try {
      write(level, text.reinterpret(Long.MAX_VALUE).getString(0));
    } catch (Exception e) {
      LOG.warn("a native log line could not be logged", e);
    }
  }

  private static void write(int level, String piece) {
    Line line = LINE.get();
    if (level != Ggml.GGML_LOG_LEVEL_CONT()) {
      flush(line);
      line.level = slf4jLevel(level);
    }
    line.text.append(piece);
    if (piece.endsWith("\n")) {
      flush(line);
    }
  }

  private static void flush(Line line) {
    String text = line.text.toString().strip();
    line.text.setLength(0);
    if (text.isEmpty()) {
      return;
    }
    if (line.listener != null && line.level == Level.DEBUG) {
      line.listener.accept(text);
    }
    if (line.level == Level.ERROR && line.errors != null) {
      line.errors.lines.add(text);
      LOG.debug(text);
    } else {
      LOG.atLevel(line.level).log(text);
    }
  }

  private static Level slf4jLevel(int level) {
    if (level == Ggml.GGML_LOG_LEVEL_ERROR()) {
      return Level.ERROR;
    }
    if (level == Ggml.GGML_LOG_LEVEL_WARN()) {
      return Level.WARN;
    }
    return level == Ggml.GGML_LOG_LEVEL_INFO() ? Level.DEBUG : Level.TRACE;
  }
}

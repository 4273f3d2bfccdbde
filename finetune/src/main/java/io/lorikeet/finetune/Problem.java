package io.lorikeet.finetune;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.llama.UnusableModelException;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.optimizer.UnusableStepException;
import io.lorikeet.train.parallel.MachineException;
import io.lorikeet.train.run.StoppedException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/// A failure in words for people.
///
/// @param kind whose it is
/// @param message the problem, its place, and a remedy
public record Problem(Category kind, String message) {

  /// Whose a failure is.
  public enum Category {
    /// Input of the user can't be used: settings, files, data.
    BAD_INPUT,
    /// It could not be done: a disk, a device, memory, native code.
    FAILED,
    /// A run was stopped, and can be resumed.
    STOPPED,
    /// An error in Lorikeet itself.
    DEFECT
  }

  /// The words for any exception or error.
  public static Problem of(Throwable problem) {
    return switch (problem) {
      case InvalidInputException e -> badInput(e.getMessage());
      case UnusableModelException e -> badInput(e.getMessage());
      case UnusableStepException e ->
          e.isOfTheBase() ? badInput(e.getMessage()) : failed(e.getMessage());
      case StoppedException e -> new Problem(Category.STOPPED, String.valueOf(e.getMessage()));
      case GgmlException e -> failed(e.getMessage());
      case MachineException e -> failed(e.getMessage());
      case UncheckedIOException e when e.getCause() instanceof IOException cause -> of(cause);
      case NoSuchFileException e -> badInput("there is no file " + e.getFile());
      case FileNotFoundException e -> badInput("can't open " + e.getMessage());
      case IOException e -> failed(disk(e));
      case OutOfMemoryError e -> failed(outOfMemory(e));
      case InvalidPathException e ->
          badInput("'" + e.getInput() + "' can't be a file: " + e.getReason());
      case InternalError e ->
          failed(
              "a file became unreadable while it was in use: was it changed, or is the disk full? ("
                  + e.getMessage()
                  + ")");
      case Throwable e when e.getCause() instanceof OutOfMemoryError cause -> of(cause);
      case Throwable e when e.getCause() instanceof ExecutionException cause -> of(cause);
      default ->
          new Problem(Category.DEFECT, "unexpected " + problem + "\nThis is a defect in Lorikeet");
    };
  }

  private static Problem badInput(@Nullable String message) {
    return new Problem(Category.BAD_INPUT, String.valueOf(message));
  }

  private static Problem failed(@Nullable String message) {
    return new Problem(Category.FAILED, String.valueOf(message));
  }

  /// Java has several memories, and each is enlarged in another way.
  private static String outOfMemory(OutOfMemoryError problem) {
    String what = String.valueOf(problem.getMessage());
    String remedy =
        what.contains("native thread")
            ? "the system gives no more threads or memory for their stacks; take fewer --threads,"
                + " or raise its limits (ulimit -u, ulimit -v, those of the control group)"
            : what.contains("Java heap") || what.contains("GC overhead") || what.contains("array")
                ? "give Java a larger heap, as in LORIKEET_JAVA_OPTS=-Xmx4g"
                : "free some memory, or raise the limits of this process (ulimit -v, those of the"
                    + " control group)";
    return "out of memory ("
        + what
        + "): "
        + remedy
        + "; when training, a smaller --context, --batch-size or --rank takes less";
  }

  private static String disk(IOException problem) {
    String where =
        problem instanceof FileSystemException e && e.getFile() != null ? e.getFile() : null;
    String text = String.valueOf(problem.getMessage());
    if (text.contains("No space left on device") || text.contains("Disk quota exceeded")) {
      return "the disk is full"
          + (where == null ? "" : ": " + where)
          + "\nFree some space, or write to another disk.";
    }
    return switch (problem) {
      case AccessDeniedException _ -> where + ": permission denied";
      case FileAlreadyExistsException _ -> where + " exists already";
      case NotDirectoryException _ -> where + " is not a folder";
      case FileSystemException e when e.getReason() != null -> where + ": " + e.getReason();
      default -> text;
    };
  }
}

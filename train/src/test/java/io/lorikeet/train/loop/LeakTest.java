package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.settings.Recompute;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Memory stays where it is, of Java and of the process, however many steps are taken and however
/// often a model is opened. `-Dlorikeet.leaks.times=10` makes it a thousand steps and a hundred
/// models.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class LeakTest {
  private static final int TIMES = Integer.getInteger("lorikeet.leaks.times", 1);
  private static final int STEPS = 100 * TIMES;
  private static final int MODELS = 10 * TIMES;

  /// Until here memory may grow: classes, compiled code, the allocators' own stock.
  private static final int WARM_UP = 15;

  /// Allocators don't give everything back at once. Each model takes several megabytes, so that ten
  /// lost ones would show.
  private static final long MOST_HEAP = 4 << 20;

  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  /// Fields of `struct mallinfo2`: `hblkhd` and `uordblks`.
  private static final int MAPPED = 4;

  private static final int IN_USE = 7;

  /// Native allocators keep up to 10 MB more of some models, and give it back over later ones.
  private static final long MOST_NATIVE = 16 << 20;

  @TempDir private Path folder;

  @Test
  void memoryStaysWhereItIs() throws IOException {
    Assumptions.assumeTrue(
        Linker.nativeLinker().defaultLookup().find("mallinfo2").isPresent(),
        "only glibc counts what is allocated");
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    for (int i = 0; i < WARM_UP; i++) {
      open(base, 5);
    }
    long heap = heap();
    long malloced = malloced();
    for (int i = 0; i < MODELS; i++) {
      open(base, STEPS / MODELS);
    }
    open(base, STEPS);
    long heapMore = heap() - heap;
    long nativeMore = malloced() - malloced;
    System.out.printf(
        "%d models and %d steps: Java %+,d bytes, native %+,d bytes%n",
        MODELS + 1, 2 * STEPS, heapMore, nativeMore);
    assertTrue(heapMore < MOST_HEAP, "Java's heap has grown by " + heapMore);
    assertTrue(nativeMore < MOST_NATIVE, "native memory has grown by " + nativeMore);
  }

  private static void open(Path base, int steps) throws IOException {
    LoraSettings settings = new LoraSettings(4, 8, false, 0.1, List.of("all-linear"), 1);
    try (GgufFile file = GgufFile.open(base);
        Backend backend = Backend.open("cpu", 1)) {
      TrainingProbe.lend(
          file,
          backend,
          32,
          settings,
          Recompute.NONE,
          probe -> {
            for (int i = 0; i < steps; i++) {
              probe.trainingStep();
            }
          });
    }
  }

  private static long heap() {
    System.gc();
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  /// Bytes that native code holds, ggml's and oneDNN's among them, by the C library's own count
  /// (mallinfo2(3)): what is resident would count Java's heap and compiled code, too.
  @SuppressWarnings("restricted")
  private static long malloced() {
    MemoryLayout[] fields = Collections.nCopies(10, LONG).toArray(MemoryLayout[]::new);
    Linker linker = Linker.nativeLinker();
    MemorySegment function = linker.defaultLookup().find("mallinfo2").orElseThrow();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info =
          (MemorySegment)
              linker
                  .downcallHandle(
                      function, FunctionDescriptor.of(MemoryLayout.structLayout(fields)))
                  .invokeExact((SegmentAllocator) arena);
      return info.getAtIndex(LONG, MAPPED) + info.getAtIndex(LONG, IN_USE);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}

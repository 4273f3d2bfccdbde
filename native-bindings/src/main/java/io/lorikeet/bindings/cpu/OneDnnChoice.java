package io.lorikeet.bindings.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.bindings.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// The number format in which this processor multiplies weights with activations fastest, found by
/// trying: AVX512-BF16 is twice as fast as F32 on some processors and half as fast on others.
///
/// @param type BF16 or F32: of activations, and of weights after dequantizing
/// @param bf16Weights whether weights in BF16 can be multiplied as they are, nearly as fast
/// @param setThreads `omp_set_num_threads`
record OneDnnChoice(TensorType type, boolean bf16Weights, MemorySegment setThreads) {
  private static final MethodHandle SET_THREADS =
      Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(JAVA_INT));

  /// Rows and columns of the matrices tried.
  private static final int SIZE = 256;

  private static final int TRIALS = 5;
  private static final double NEARLY = 0.7;

  /// Tries all and returns the fastest, or empty where oneDNN has kernels for none.
  static Optional<OneDnnChoice> measure() {
    OneDnnChoice trial = of(TensorType.F32);
    double f32 = trial.gigaflops(TensorType.F32, TensorType.F32);
    double bf16 = trial.gigaflops(TensorType.BF16, TensorType.BF16);
    if (Math.max(f32, bf16) == 0) {
      return Optional.empty();
    }
    return Optional.of(
        bf16 > f32
            ? of(TensorType.BF16)
            : new OneDnnChoice(
                TensorType.F32,
                trial.gigaflops(TensorType.BF16, TensorType.F32) > NEARLY * f32,
                trial.setThreads()));
  }

  /// The one for a format, or empty where oneDNN has no kernels for it on this processor.
  static Optional<OneDnnChoice> of(ProductFormat format) {
    TensorType weights = format == ProductFormat.F32 ? TensorType.F32 : TensorType.BF16;
    TensorType activations = format == ProductFormat.BF16 ? TensorType.BF16 : TensorType.F32;
    OneDnnChoice chosen =
        new OneDnnChoice(activations, weights == TensorType.BF16, of(activations).setThreads());
    boolean possible = format != ProductFormat.GGML && chosen.gigaflops(weights, activations) > 0;
    return possible ? Optional.of(chosen) : Optional.empty();
  }

  ProductFormat format() {
    if (type == TensorType.BF16) {
      return ProductFormat.BF16;
    }
    return bf16Weights ? ProductFormat.F32_AND_BF16 : ProductFormat.F32;
  }

  /// Whether weights of a quantized or half-precision type are multiplied as they are.
  boolean multiplies(TensorType weights) {
    return weights == TensorType.BF16 && bf16Weights;
  }

  /// Without trying.
  static OneDnnChoice of(TensorType type) {
    MemorySegment setThreads =
        SymbolLookup.loaderLookup()
            .find("omp_set_num_threads")
            .orElseThrow(() -> new GgmlException("oneDNN came without OpenMP"));
    return new OneDnnChoice(type, type == TensorType.BF16, setThreads);
  }

  /// Billions of operations per second of one thread, or 0 where there is no such kernel.
  private double gigaflops(TensorType weights, TensorType activations) {
    try (Arena arena = Arena.ofConfined();
        OneDnnThreads thread = new OneDnnThreads(this, 1)) {
      OneDnnProduct form =
          new OneDnnProduct(weights, activations, false, SIZE, SIZE, SIZE, 1, SIZE, 1, SIZE, SIZE);
      return gigaflops(thread.primitive(0, form), arena);
    } catch (GgmlException _) {
      return 0;
    }
  }

  private static double gigaflops(OneDnnPrimitive product, Arena arena) {
    long bytes = (long) SIZE * SIZE * Float.BYTES;
    long a = arena.allocate(bytes, Long.SIZE).address();
    long b = arena.allocate(bytes, Long.SIZE).address();
    long y = arena.allocate(bytes, Long.SIZE).address();
    long least = Long.MAX_VALUE;
    for (int i = 0; i < TRIALS; i++) {
      long start = System.nanoTime();
      product.run(a, b, y);
      least = Math.min(least, System.nanoTime() - start);
    }
    return 2.0 * SIZE * SIZE * SIZE / least;
  }

  /// Has oneDNN compute on the calling thread alone: ggml divides the work. OpenMP keeps this for
  /// each thread apart.
  void useOneThread() {
    try {
      SET_THREADS.invokeExact(setThreads, 1);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new GgmlException("OpenMP's threads could not be set", e);
    }
  }
}

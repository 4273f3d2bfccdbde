package io.lorikeet.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// The number formats in which this processor multiplies weights with activations fastest, found by
/// trying: AVX512-BF16 is twice as fast as F32 on some processors and half as fast on others.
///
/// @param weights what weights are dequantized to, BF16 or F32
/// @param activations BF16 or F32
/// @param gigaflops what one thread reached
/// @param setThreads `omp_set_num_threads`
record OneDnnChoice(
    TensorType weights, TensorType activations, double gigaflops, MemorySegment setThreads) {
  private static final MethodHandle SET_THREADS =
      Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(JAVA_INT));

  /// Rows and columns of the matrices tried.
  private static final int SIZE = 256;

  private static final int TRIALS = 5;

  /// Tries all and returns the fastest, or empty where oneDNN has kernels for none.
  static Optional<OneDnnChoice> measure() {
    MemorySegment setThreads =
        SymbolLookup.loaderLookup()
            .find("omp_set_num_threads")
            .orElseThrow(() -> new GgmlException("oneDNN came without OpenMP"));
    OneDnnChoice best = null;
    for (TensorType weights : new TensorType[] {TensorType.BF16, TensorType.F32}) {
      for (TensorType activations : new TensorType[] {TensorType.BF16, TensorType.F32}) {
        OneDnnChoice candidate = new OneDnnChoice(weights, activations, 0, setThreads);
        double gigaflops = candidate.tried();
        // Weights in F32 take twice the memory: only where nothing else is nearly as fast.
        double least =
            best == null ? 0 : weights == TensorType.F32 ? 1.5 * best.gigaflops : best.gigaflops;
        if (gigaflops > least) {
          best = new OneDnnChoice(weights, activations, gigaflops, setThreads);
        }
      }
    }
    return Optional.ofNullable(best);
  }

  /// Billions of operations per second, or 0 where there is no such kernel.
  private double tried() {
    useOneThread();
    MemorySegment engine = MemorySegment.NULL;
    MemorySegment stream = MemorySegment.NULL;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ADDRESS);
      OneDnnProduct.check(OneDnn.dnnl_engine_create(out, OneDnn.dnnl_cpu(), 0), "start");
      engine = out.get(ADDRESS, 0);
      OneDnnProduct.check(
          OneDnn.dnnl_stream_create(out, engine, OneDnn.dnnl_stream_in_order()), "start");
      stream = out.get(ADDRESS, 0);
      OneDnnProduct.Form form =
          new OneDnnProduct.Form(
              weights, activations, false, SIZE, SIZE, SIZE, 1, SIZE, 1, SIZE, SIZE);
      try (OneDnnProduct product = new OneDnnProduct(engine, stream, form)) {
        return gigaflops(product, arena);
      } catch (GgmlException _) {
        return 0;
      }
    } finally {
      if (stream.address() != 0) {
        OneDnn.dnnl_stream_destroy(stream);
      }
      if (engine.address() != 0) {
        OneDnn.dnnl_engine_destroy(engine);
      }
    }
  }

  private static double gigaflops(OneDnnProduct product, Arena arena) {
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

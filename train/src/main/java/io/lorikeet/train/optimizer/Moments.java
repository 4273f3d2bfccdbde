package io.lorikeet.train.optimizer;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Placed;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The two moments of AdamW, F32 vectors as long as the parameters, all zero in the beginning.
final class Moments implements AutoCloseable {
  private static final String FILE_PREFIX = "moments-";
  private static final int WRITE_BYTES = 1 << 20;

  private final Arena arena = Arena.ofShared();
  private final List<DeviceTensors> owners = new ArrayList<>();
  private final Tensor first;
  private final Tensor second;
  private final long bytes;

  /// @param backend whose memory they are in: the device's own or, unless they are to be on the
  ///     device, a CPU's
  /// @param shape of the parameters
  /// @param folder for a mapped file; null to keep them in memory
  /// @throws UncheckedIOException when the file can't be made, for want of room say
  Moments(Backend backend, Shape shape, @Nullable Path folder) {
    try {
      Spec firstSpec = new Spec("first_moments", TensorType.F32, shape);
      Spec secondSpec = new Spec("second_moments", TensorType.F32, shape);
      if (folder == null || backend.isPlanning()) {
        owners.add(DeviceTensors.allocate(backend, List.of(firstSpec, secondSpec)));
        first = owners.getFirst().get(firstSpec.name());
        second = owners.getFirst().get(secondSpec.name());
        first.clear();
        second.clear();
      } else {
        first = mapped(firstSpec, folder);
        second = mapped(secondSpec, folder);
      }
      bytes = 2 * first.bytes();
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private Tensor mapped(Spec spec, Path folder) {
    try {
      MemorySegment data = zeros(folder, spec.shape().bytes(spec.type()));
      DeviceTensors owner = DeviceTensors.inPlace(List.of(new Placed(spec, data)));
      owners.add(owner);
      return owner.get(spec.name());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Zeros are written rather than left out: a full disk is found now, and not when a page of a
  /// sparse file is touched. The file has no name while it is used, so nothing is left behind
  /// however the process ends.
  private MemorySegment zeros(Path folder, long size) throws IOException {
    Path file = Files.createTempFile(folder, FILE_PREFIX, ".tmp");
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer zeros = ByteBuffer.allocateDirect(WRITE_BYTES);
      for (long left = size; left > 0; left -= zeros.limit()) {
        zeros.clear().limit((int) Math.min(WRITE_BYTES, left));
        while (zeros.hasRemaining()) {
          channel.write(zeros);
        }
      }
      return channel.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
    } finally {
      Files.delete(file);
    }
  }

  Tensor first() {
    return first;
  }

  Tensor second() {
    return second;
  }

  long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    owners.forEach(DeviceTensors::close);
    arena.close();
  }
}

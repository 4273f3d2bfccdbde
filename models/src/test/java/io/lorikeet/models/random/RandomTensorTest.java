package io.lorikeet.models.random;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import org.junit.jupiter.api.Test;

class RandomTensorTest {
  /// One rate of decay above 0 among 100,000 would make a state infinite.
  @Test
  void valuesHaveTheSignOfTheirMean() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    new RandomTensor(TensorType.F32, 1, 100_000, -1, 0.3, 7).writeTo(Channels.newChannel(bytes));
    ByteBuffer values = ByteBuffer.wrap(bytes.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
    while (values.hasRemaining()) {
      float value = values.getFloat();
      assertTrue(value < 0, "a rate of " + value);
    }
  }
}

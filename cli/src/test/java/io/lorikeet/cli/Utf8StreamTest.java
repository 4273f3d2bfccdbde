package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class Utf8StreamTest {

  @Test
  void charactersInPieces() {
    List<String> pieces = new ArrayList<>();
    Utf8Stream stream = new Utf8Stream(pieces::add);
    for (byte next : "aé€🦜b".getBytes(StandardCharsets.UTF_8)) {
      stream.write(new byte[] {next});
    }
    stream.end();
    assertEquals(List.of("a", "é", "€", "🦜", "b"), pieces);
  }

  @Test
  void whatIsNoUtf8IsReplaced() {
    StringBuilder text = new StringBuilder();
    Utf8Stream stream = new Utf8Stream(text::append);
    stream.write(new byte[] {'a', (byte) 0xff, 'b', (byte) 0xc3});
    stream.end();
    assertEquals("a\uFFFDb\uFFFD", text.toString());
  }
}

package io.lorikeet.cli;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/// Text from bytes that come in pieces, which may end within a character. What is no UTF-8 becomes
/// U+FFFD.
final class Utf8Stream {
  private final Consumer<String> text;
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private ByteBuffer pending = ByteBuffer.allocate(0);

  Utf8Stream(Consumer<String> text) {
    this.text = text;
  }

  /// Passes on the characters that are complete.
  void write(byte[] bytes) {
    ByteBuffer all =
        ByteBuffer.allocate(pending.remaining() + bytes.length).put(pending).put(bytes);
    decode(all.flip(), false);
    pending = all;
  }

  /// Passes on what is left.
  void end() {
    decode(pending, true);
  }

  private void decode(ByteBuffer bytes, boolean end) {
    CharBuffer characters = CharBuffer.allocate(bytes.remaining() + 1);
    decoder.decode(bytes, characters, end);
    if (characters.flip().hasRemaining()) {
      text.accept(characters.toString());
    }
  }
}

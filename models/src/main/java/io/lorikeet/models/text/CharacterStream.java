package io.lorikeet.models.text;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/// Puts the bytes of tokens together to characters: one character can be spread over several
/// tokens. Bytes that are no UTF-8 become U+FFFD.
final class CharacterStream {
  private static final int LONGEST_CHARACTER = 4; // bytes in UTF-8

  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private final Consumer<String> listener;
  private ByteBuffer rest = ByteBuffer.allocate(0);

  /// @param listener receives the characters as soon as they are complete
  CharacterStream(Consumer<String> listener) {
    this.listener = listener;
  }

  /// Takes the next bytes.
  void add(byte[] bytes) {
    ByteBuffer input =
        ByteBuffer.allocate(rest.remaining() + bytes.length).put(rest).put(bytes).flip();
    decode(input, false);
    rest = input;
  }

  /// Ends the stream; an unfinished character becomes U+FFFD.
  void finish() {
    decode(rest, true);
  }

  private void decode(ByteBuffer input, boolean end) {
    CharBuffer output = CharBuffer.allocate(input.remaining() + LONGEST_CHARACTER);
    decoder.decode(input, output, end);
    if (end) {
      decoder.flush(output);
    }
    String text = output.flip().toString();
    if (!text.isEmpty()) {
      listener.accept(text);
    }
  }
}

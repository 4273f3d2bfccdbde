package io.lorikeet.train.data;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Small vocabularies for tests.
final class TestEncodings {
  static final int BEGIN = 256;
  static final int END = 257;

  private TestEncodings() {}

  /// A token for each byte of UTF-8.
  static TextEncoding bytes() {
    return new TextEncoding(
        TestEncodings::byteTokens, OptionalInt.of(BEGIN), OptionalInt.of(END), List.of("<end>"));
  }

  /// The same, so that its tokens can be kept.
  static TextEncoding bytes(String identity) {
    TextEncoding bytes = bytes();
    return new TextEncoding(
        bytes.encode(),
        bytes.begin(),
        bytes.after(),
        bytes.end(),
        bytes.unknown(),
        Optional.of(identity),
        bytes.ends(),
        bytes.piece(),
        bytes.controlTokens(),
        bytes.chats());
  }

  static TextEncoding bytesWithoutBegin() {
    return new TextEncoding(
        TestEncodings::byteTokens, OptionalInt.empty(), OptionalInt.of(END), List.of("<end>"));
  }

  private static int[] byteTokens(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] tokens = new int[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      tokens[i] = bytes[i] & 0xFF;
    }
    return tokens;
  }

  /// A token for each word with the space before it, as SentencePiece vocabularies have them; a
  /// space is put before every text, too, if asked for.
  static final class Words {
    private static final Pattern PIECE = Pattern.compile(" ?\\w+|\\n+|.", Pattern.DOTALL);
    private final Map<String, Integer> ids = new HashMap<>();
    private final List<String> pieces = new ArrayList<>();
    private final boolean addsSpace;

    Words(boolean addsSpace) {
      this.addsSpace = addsSpace;
    }

    TextEncoding encoding() {
      return new TextEncoding(
          this::encode, OptionalInt.of(id("<begin>")), OptionalInt.of(id("<end>")));
    }

    int[] encode(String text) {
      if (text.isEmpty()) {
        return new int[0];
      }
      Matcher matcher = PIECE.matcher(addsSpace ? " " + text : text);
      return matcher.results().mapToInt(piece -> id(piece.group())).toArray();
    }

    private int id(String piece) {
      return ids.computeIfAbsent(
          piece,
          _ -> {
            pieces.add(piece);
            return pieces.size() - 1;
          });
    }

    /// `|`-separated pieces.
    String show(int[] tokens) {
      StringBuilder text = new StringBuilder();
      for (int token : tokens) {
        text.append(text.isEmpty() ? "" : "|").append(pieces.get(token));
      }
      return text.toString();
    }
  }
}

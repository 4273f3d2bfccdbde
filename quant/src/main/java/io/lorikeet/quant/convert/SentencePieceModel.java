package io.lorikeet.quant.convert;

import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The pieces of a `tokenizer.model`, SentencePiece's model file: a protocol buffer of which three
/// fields matter here (`sentencepiece_model.proto`).
///
/// @param pieces in the order of their ids
/// @param addsSpacePrefix whether a space is put before a text (`add_dummy_prefix`)
record SentencePieceModel(List<Piece> pieces, boolean addsSpacePrefix) {
  private static final long MOST_BYTES = 1 << 28;
  private static final int MOST_PIECES = 1 << 22;

  /// One piece.
  ///
  /// @param type 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
  record Piece(String text, float score, int type) {}

  static SentencePieceModel read(Path file) throws IOException {
    if (Files.size(file) > MOST_BYTES) {
      throw new InvalidInputException(file + " is too large for a SentencePiece model");
    }
    return parse(ByteBuffer.wrap(Files.readAllBytes(file)), file.toString());
  }

  /// @param file its name, for messages
  static SentencePieceModel parse(ByteBuffer bytes, String file) {
    List<Piece> pieces = new ArrayList<>();
    boolean prefix = true;
    ProtobufReader model = new ProtobufReader(bytes, file);
    while (model.next()) {
      switch (model.field()) {
        case 1 -> pieces.add(piece(model.message()));
        case 3 -> prefix = addsPrefix(model.message());
        default -> model.skip();
      }
      if (pieces.size() > MOST_PIECES) {
        throw model.damaged("more than " + MOST_PIECES + " pieces");
      }
    }
    if (pieces.isEmpty()) {
      throw model.damaged("no pieces");
    }
    return new SentencePieceModel(List.copyOf(pieces), prefix);
  }

  private static Piece piece(ProtobufReader message) {
    String text = "";
    float score = 0;
    int type = 1;
    while (message.next()) {
      switch (message.field()) {
        case 1 -> text = message.text();
        case 2 -> score = message.float32();
        case 3 -> type = (int) message.varint();
        default -> message.skip();
      }
    }
    if (type < 1 || type > 6) {
      throw message.damaged("a piece of unknown type " + type);
    }
    return new Piece(text, score, type);
  }

  private static boolean addsPrefix(ProtobufReader message) {
    boolean prefix = true;
    while (message.next()) {
      if (message.field() == 3) {
        prefix = message.varint() != 0;
      } else {
        message.skip();
      }
    }
    return prefix;
  }

  /// Goes through the fields of a protocol buffer's message.
  private static final class ProtobufReader {
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private final ByteBuffer bytes;
    private final String file;
    private int tag;

    ProtobufReader(ByteBuffer bytes, String file) {
      this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
      this.file = file;
    }

    /// Goes to the next field, false at the end.
    boolean next() {
      if (!bytes.hasRemaining()) {
        return false;
      }
      tag = (int) number();
      return true;
    }

    int field() {
      return tag >>> 3;
    }

    long varint() {
      expect(VARINT);
      return number();
    }

    float float32() {
      expect(FIXED32);
      need(Float.BYTES);
      return bytes.getFloat();
    }

    String text() {
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(slice()).toString();
      } catch (CharacterCodingException e) {
        throw damaged("a piece that isn't UTF-8");
      }
    }

    ProtobufReader message() {
      return new ProtobufReader(slice(), file);
    }

    void skip() {
      switch (tag & 7) {
        case VARINT -> number();
        case FIXED64 -> advance(Long.BYTES);
        case BYTES -> slice();
        case FIXED32 -> advance(Integer.BYTES);
        default -> throw damaged("a field of unknown kind");
      }
    }

    private ByteBuffer slice() {
      expect(BYTES);
      long length = number();
      if (length < 0 || length > bytes.remaining()) {
        throw damaged("a field that is longer than the file");
      }
      ByteBuffer slice = bytes.slice(bytes.position(), (int) length);
      advance((int) length);
      return slice;
    }

    private void advance(int count) {
      need(count);
      bytes.position(bytes.position() + count);
    }

    private void need(int count) {
      if (bytes.remaining() < count) {
        throw damaged("a field that is longer than the file");
      }
    }

    private void expect(int kind) {
      if ((tag & 7) != kind) {
        throw damaged("a field of another kind than it should be");
      }
    }

    private long number() {
      long value = 0;
      try {
        for (int shift = 0; shift < Long.SIZE; shift += 7) {
          byte next = bytes.get();
          value |= (long) (next & 0x7f) << shift;
          if (next >= 0) {
            return value;
          }
        }
      } catch (BufferUnderflowException e) {
        throw damaged("an unfinished number");
      }
      throw damaged("a number of more than 64 bits");
    }

    InvalidInputException damaged(String what) {
      return new InvalidInputException(
          file
              + ": this isn't a SentencePiece model, or it is damaged: "
              + what
              + ". Download it again");
    }
  }
}

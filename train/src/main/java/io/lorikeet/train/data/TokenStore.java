package io.lorikeet.train.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.quant.TemporaryFiles;
import io.lorikeet.train.data.files.SourceLine;
import io.lorikeet.train.event.TrainingEvent;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/// Tokenized examples, in memory where they are few, else in a file that is mapped: neither their
/// number nor their length is bound by the Java heap.
///
/// The file has these parts, in the machine's byte order:
///
/// - for each example [#HEADER] ints and then its tokens, of which those with loss have the highest
///   bit set, and then the tokens' weights as floats, unless they are 0 and 1
/// - the position of each example, in ints, as longs
/// - the messages about the data, as JSON
/// - [#FOOTER] longs with the places of these parts
final class TokenStore implements AutoCloseable {
  static final long MAGIC = 0x4c4f52494b543033L; // "LORIKT03"

  /// Length, tokens with loss, file, line, number of the example, length before it was cut or
  /// divided, two fingerprints of two ints, number of the judgement, whether weights follow. The
  /// last is the first token that the adapter acts on.
  static final int HEADER = 13;

  /// Magic, ints of examples, number of examples, bytes of JSON, CRC-32C of all before.
  static final int FOOTER = 5;

  static final int TRAINED = 1 << 31;

  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final Judgement[] JUDGEMENTS = Judgement.values();
  private static final int CHECKED_AT_ONCE = 1 << 26;

  private final MemorySegment entries;
  private final MemorySegment offsets;
  private final List<String> files;
  private final List<TrainingEvent> events;
  private final Runnable closing;

  private TokenStore(
      MemorySegment entries, MemorySegment offsets, JsonNode said, Runnable closing) {
    this.entries = entries;
    this.offsets = offsets;
    this.closing = closing;
    files = new ArrayList<>();
    said.path("files").forEach(name -> files.add(name.textValue()));
    events = new ArrayList<>();
    for (JsonNode event : said.path("said")) {
      events.add(event(event));
    }
  }

  /// A store in memory.
  static TokenStore inMemory(int[] entries, long[] offsets, byte[] said) {
    return new TokenStore(
        MemorySegment.ofArray(entries), MemorySegment.ofArray(offsets), json(said), () -> {});
  }

  /// Maps a file.
  ///
  /// @param temporary whether the file goes when the store is closed
  /// @return empty if it isn't complete and undamaged
  static Optional<TokenStore> open(Path file, boolean temporary) throws IOException {
    Arena arena = Arena.ofShared();
    boolean opened = false;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      Optional<TokenStore> store = parse(all, () -> close(arena, file, temporary));
      opened = store.isPresent();
      if (opened && temporary) {
        TemporaryFiles.add(file);
      }
      return store;
    } finally {
      if (!opened) {
        arena.close();
      }
    }
  }

  private static void close(Arena arena, Path file, boolean temporary) {
    arena.close();
    if (temporary) {
      file.toFile().delete(); // a temporary file that stays does no harm
      TemporaryFiles.remove(file);
    }
  }

  private static Optional<TokenStore> parse(MemorySegment all, Runnable closing) {
    long footer = all.byteSize() - (long) FOOTER * Long.BYTES;
    if (footer < 0 || all.get(LONG, footer) != MAGIC) {
      return Optional.empty();
    }
    long entryBytes = all.get(LONG, footer + 8) * Integer.BYTES;
    long offsetBytes = all.get(LONG, footer + 16) * Long.BYTES;
    long saidBytes = all.get(LONG, footer + 24);
    boolean fits =
        entryBytes >= 0
            && offsetBytes >= 0
            && saidBytes >= 0
            && entryBytes + offsetBytes + saidBytes == footer;
    if (!fits || checksum(all.asSlice(0, footer)) != all.get(LONG, footer + 32)) {
      return Optional.empty();
    }
    byte[] said = all.asSlice(entryBytes + offsetBytes, saidBytes).toArray(ValueLayout.JAVA_BYTE);
    return Optional.of(
        new TokenStore(
            all.asSlice(0, entryBytes), all.asSlice(entryBytes, offsetBytes), json(said), closing));
  }

  private static long checksum(MemorySegment bytes) {
    CRC32C sum = new CRC32C();
    for (long at = 0; at < bytes.byteSize(); at += CHECKED_AT_ONCE) {
      long length = Math.min(CHECKED_AT_ONCE, bytes.byteSize() - at);
      sum.update(bytes.asSlice(at, length).asByteBuffer());
    }
    return sum.getValue();
  }

  private static TrainingEvent event(JsonNode event) {
    if (event.has("chats")) {
      return new TrainingEvent.ChatsRead(event.get("chats").intValue());
    }
    return event.has("warning")
        ? new TrainingEvent.Warning(event.get("warning").textValue())
        : new TrainingEvent.Note(event.path("note").textValue());
  }

  /// The results of [#files] and [#events], as bytes.
  static byte[] said(List<String> files, List<TrainingEvent> events) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode said = mapper.createObjectNode();
    ArrayNode names = said.putArray("files");
    files.forEach(names::add);
    ArrayNode texts = said.putArray("said");
    for (TrainingEvent event : events) {
      switch (event) {
        case TrainingEvent.Note(String text) -> texts.addObject().put("note", text);
        case TrainingEvent.Warning(String text) -> texts.addObject().put("warning", text);
        case TrainingEvent.ChatsRead(int count) -> texts.addObject().put("chats", count);
        default -> throw new IllegalArgumentException("passing event " + event);
      }
    }
    return said.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static JsonNode json(byte[] said) {
    try {
      return new ObjectMapper().readTree(new String(said, StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("written by said() and checked since", e);
    }
  }

  /// Number of tokenized examples.
  int size() {
    return Math.toIntExact(offsets.byteSize() / Long.BYTES);
  }

  /// The messages while they were read and tokenized.
  List<TrainingEvent> events() {
    return events;
  }

  /// Places that an example takes of a row.
  int places(int index) {
    return field(index, 0) - 1;
  }

  /// Tokens with loss of an example.
  int targets(int index) {
    return field(index, 1);
  }

  /// Where it stands.
  SourceLine place(int index) {
    return new SourceLine(files.get(field(index, 2)), field(index, 3));
  }

  /// Number of the example in the data, of which this may be a piece.
  int example(int index) {
    return field(index, 4);
  }

  /// Tokens before it was cut or divided: of the whole example, or of this turn where turns are
  /// examples of their own.
  int wholeLength(int index) {
    return field(index, 5);
  }

  /// The data's word on its answer.
  Judgement judgement(int index) {
    return JUDGEMENTS[field(index, 10)];
  }

  /// See [TokenizedExample#isWeighted].
  boolean isWeighted(int index) {
    return field(index, 11) != 0;
  }

  /// Equal for examples with the same words.
  long exact(int index) {
    return pair(index, 6);
  }

  /// Equal for examples with nearly the same words, see [Fingerprint].
  long near(int index) {
    return pair(index, 8);
  }

  /// The example itself.
  TokenizedExample get(int index) {
    int length = field(index, 0);
    long first = (offset(index) + HEADER) * Integer.BYTES;
    int[] tokens =
        entries
            .asSlice(first, (long) length * Integer.BYTES)
            .toArray(ValueLayout.JAVA_INT_UNALIGNED);
    float[] weights = new float[length];
    if (isWeighted(index)) {
      long after = first + (long) length * Integer.BYTES;
      MemorySegment.copy(
          entries, ValueLayout.JAVA_FLOAT_UNALIGNED, after, weights, 0, weights.length);
    }
    for (int i = 0; i < length; i++) {
      weights[i] = isWeighted(index) ? weights[i] : tokens[i] < 0 ? 1 : 0;
      tokens[i] &= ~TRAINED;
    }
    SourceLine place = place(index);
    return new TokenizedExample(
        tokens, weights, place.file(), place.line(), judgement(index), field(index, 12));
  }

  private long offset(int index) {
    return offsets.getAtIndex(LONG, index);
  }

  private int field(int index, int field) {
    return entries.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, offset(index) + field);
  }

  private long pair(int index, int field) {
    return Integer.toUnsignedLong(field(index, field)) | (long) field(index, field + 1) << 32;
  }

  /// Ends the mapping. Examples that were taken out stay usable.
  @Override
  public void close() {
    closing.run();
  }
}

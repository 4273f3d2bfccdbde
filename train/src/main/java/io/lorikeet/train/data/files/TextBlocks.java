package io.lorikeet.train.data.files;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;

/// Reads a text file in blocks that end at line ends, so that a large one needn't fit into memory.
final class TextBlocks {
  /// Characters that a block has at least, but for the last.
  private static final int BLOCK = 1 << 20;

  /// So many blocks' length without a line break are divided all the same.
  private static final int PATIENCE = 16;

  private final DataStream stream;
  private final Runnable progress;
  private final int block;

  /// Takes the blocks.
  interface Consumer {
    /// @param line where the block begins, from 1
    /// @param ends whether it is the last
    void block(String text, int line, boolean ends);
  }

  TextBlocks(DataStream stream, Runnable progress) {
    this(stream, progress, BLOCK);
  }

  TextBlocks(DataStream stream, Runnable progress, int block) {
    this.stream = stream;
    this.progress = progress;
    this.block = block;
  }

  /// @throws CheckedText.NotTextException at what isn't text in UTF-8
  void read(Consumer blocks) throws IOException {
    StringBuilder text = new StringBuilder();
    char[] part = new char[Math.min(block, 1 << 16)];
    int line = 1;
    try (Reader reader =
        new BufferedReader(
            new InputStreamReader(new CheckedText(stream.input()), StandardCharsets.UTF_8))) {
      for (int read = reader.read(part); read >= 0; read = reader.read(part)) {
        text.append(part, 0, read);
        int end = text.length() < block ? -1 : endOfParagraph(text);
        if (end > 0) {
          String full = text.substring(0, end);
          text.delete(0, end);
          blocks.block(full, line, false);
          line += (int) full.chars().filter(next -> next == '\n').count();
        }
        progress.run();
      }
    }
    blocks.block(text.toString(), line, true);
  }

  /// Where the last run of line breaks ends that has something behind it which isn't blank: there,
  /// vocabularies divide a text in any case. -1 where the block should go on.
  private int endOfParagraph(CharSequence text) {
    for (int i = text.length() - 1; i > 0; i--) {
      if (text.charAt(i - 1) == '\n' && !Character.isWhitespace(text.charAt(i))) {
        return i;
      }
    }
    boolean endless = text.length() / PATIENCE >= block;
    int last = text.length() - 1; // between the halves of a surrogate pair is no place to divide
    return endless ? last - (Character.isLowSurrogate(text.charAt(last)) ? 1 : 0) : -1;
  }
}

package io.lorikeet.cli;

import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.train.data.TokenizedExample;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Writes the tokens of an example so that people see which are learned and which are special. In
/// colour: learned ones green, special ones inverse. Else learned ones stand between ⟦ and ⟧, and
/// special ones can be told by their texts alone.
///
/// @param colour whether a terminal shows it
record ShownTokens(Tokenizer tokenizer, boolean colour) {
  String of(TokenizedExample example) {
    StringBuilder text = new StringBuilder();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(); // a character can be several tokens
    boolean embedded = example.judgement().isOfSearch(); // its last token isn't its text's
    int[] tokens = embedded ? Arrays.copyOf(example.tokens(), example.places()) : example.tokens();
    for (int i = 0; i < tokens.length; i++) {
      boolean special = tokenizer.isControl(tokens[i]);
      bytes.writeBytes(tokenizer.bytes(tokens[i]));
      boolean last =
          i + 1 == tokens.length
              || example.trains(i) != example.trains(i + 1)
              || special
              || tokenizer.isControl(tokens[i + 1]);
      if (last) {
        append(text, bytes.toString(StandardCharsets.UTF_8), example, i, special);
        bytes.reset();
      }
    }
    return text.toString();
  }

  private void append(
      StringBuilder text, String part, TokenizedExample example, int last, boolean special) {
    boolean trained = example.trains(last);
    if (colour) {
      String style =
          (trained ? PrintableWriter.GREEN : "") + (special ? PrintableWriter.INVERSE : "");
      text.append(style).append(part).append(style.isEmpty() ? "" : PrintableWriter.PLAIN);
      return;
    }
    boolean open = trained && (text.isEmpty() || !isOpen(text));
    text.append(open ? "⟦" : "").append(part);
    boolean ends = last + 1 == example.tokens().length || !example.trains(last + 1);
    text.append(trained && ends ? "⟧" : "");
  }

  private static boolean isOpen(StringBuilder text) {
    return text.lastIndexOf("⟦") > text.lastIndexOf("⟧");
  }
}

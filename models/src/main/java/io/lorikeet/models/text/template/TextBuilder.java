package io.lorikeet.models.text.template;

import java.util.Arrays;

/// Puts a [Text] together, with the origins of its characters, and stops at the budget's limits.
final class TextBuilder {
  private final Budget budget;
  private final StringBuilder characters = new StringBuilder();
  private int[] origins = new int[16];
  private boolean mixed; // whether a character isn't the template's

  TextBuilder(Budget budget) {
    this.budget = budget;
  }

  TextBuilder append(Text text) {
    return append(text, 0, text.length());
  }

  /// Appends a part of a text.
  TextBuilder append(Text text, int from, int to) {
    grow(to - from);
    text.copyOrigins(from, to, origins, characters.length());
    mixed = true;
    characters.append(text.toString(), from, to);
    return this;
  }

  /// Appends characters of the template.
  TextBuilder append(String text) {
    return append(text, Text.TEMPLATE);
  }

  TextBuilder append(String text, int origin) {
    grow(text.length());
    Arrays.fill(origins, characters.length(), characters.length() + text.length(), origin);
    mixed |= origin != Text.TEMPLATE;
    characters.append(text);
    return this;
  }

  TextBuilder append(char character, int origin) {
    grow(1);
    origins[characters.length()] = origin;
    mixed |= origin != Text.TEMPLATE;
    characters.append(character);
    return this;
  }

  /// Appends the same characters several times.
  TextBuilder repeat(Text text, long times) {
    budget.spendText(Math.multiplyExact(times, (long) text.length()));
    for (long i = 0; i < times; i++) {
      append(text);
    }
    return this;
  }

  int length() {
    return characters.length();
  }

  Text build() {
    String text = characters.toString();
    return mixed ? Text.of(text, Arrays.copyOf(origins, text.length()), false) : Text.of(text);
  }

  private void grow(int more) {
    budget.spendText(more);
    budget.checkLength((long) characters.length() + more);
    if (characters.length() + more > origins.length) {
      origins = Arrays.copyOf(origins, Math.max(characters.length() + more, 2 * origins.length));
    }
  }
}

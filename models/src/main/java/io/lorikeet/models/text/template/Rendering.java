package io.lorikeet.models.text.template;

import java.util.List;

/// A rendered conversation: the text, and where each of its characters came from.
public final class Rendering {
  /// The origin of the template's own characters, and of roles.
  public static final int TEMPLATE = Text.TEMPLATE;

  /// The origin of what isn't a message's: definitions of tools and other variables.
  public static final int VARIABLE = -1;

  private final Text text;
  private final List<Span> generations;

  Rendering(Text text, List<Span> generations) {
    this.text = text;
    this.generations = List.copyOf(generations);
  }

  /// A part of the text.
  ///
  /// @param start its first character
  /// @param end the character after its last
  public record Span(int start, int end) {}

  /// The rendered text.
  public String text() {
    return text.toString();
  }

  /// Where a character came from.
  ///
  /// @return [#TEMPLATE], [#VARIABLE], or the number of a message, from 1
  public int origin(int place) {
    return text.originAt(place);
  }

  /// The spans between `{% generation %}` and `{% endgeneration %}`, in order; empty where the
  /// template has none, or where it writes them inside of a macro.
  public List<Span> generations() {
    return generations;
  }

  /// A part of it.
  public Rendering part(int from, int to) {
    List<Span> inside =
        generations.stream()
            .map(span -> new Span(Math.max(span.start, from) - from, Math.min(span.end, to) - from))
            .filter(span -> span.start < span.end)
            .toList();
    return new Rendering(text.substring(from, to), inside);
  }

  /// A text of one origin.
  public static Rendering of(String text, int origin) {
    return new Rendering(Text.of(text, origin), List.of());
  }

  /// This text and then another, without the generations.
  public Rendering followedBy(Rendering other) {
    Text both = new TextBuilder(new Budget()).append(text).append(other.text).build();
    return new Rendering(both, List.of());
  }

  @Override
  public String toString() {
    return text();
  }
}

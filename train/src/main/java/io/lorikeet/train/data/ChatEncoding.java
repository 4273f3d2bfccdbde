package io.lorikeet.train.data;

import io.lorikeet.models.text.ChatTokenizer;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.models.text.template.ServedTemplate;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalInt;

/// How a base's server writes chats. Safe for use by several threads at once.
///
/// @param template writes them as text
/// @param tokenizer makes tokens of that text
/// @param end the token that ends a text, for turns that a template ends with none
/// @param identity names all that decides how a chat becomes text
public record ChatEncoding(
    ServedTemplate template, ChatTokenizer tokenizer, OptionalInt end, String identity) {

  /// A base's, with its own template or another; empty where there is none.
  ///
  /// @param tokenizer must stay open as long as the encoding is used
  /// @param name one of the base's further templates, one of Lorikeet's, or a file; empty for the
  ///     base's own
  /// @throws io.lorikeet.quant.InvalidInputException when the template can't be used
  /// @throws IOException when its file can't be read
  public static Optional<ChatEncoding> of(Tokenizer tokenizer, Optional<String> name)
      throws IOException {
    ChatTemplates templates = tokenizer.chatTemplates();
    if (name.isPresent()) {
      return Optional.of(of(tokenizer, templates.named(name.get()), Optional.empty()));
    }
    return templates.own().map(own -> of(tokenizer, own, templates.forTools()));
  }

  private static ChatEncoding of(
      Tokenizer tokenizer, ChatTemplate template, Optional<ChatTemplate> forTools) {
    String identity =
        ServedTemplate.DAY
            + "\n"
            + forTools.map(ChatTemplate::source).orElse("")
            + template.source();
    return new ChatEncoding(
        ServedTemplate.of(template, forTools, tokenizer.vocabulary()),
        new ChatTokenizer(tokenizer.vocabulary()),
        tokenizer.end(),
        identity);
  }
}

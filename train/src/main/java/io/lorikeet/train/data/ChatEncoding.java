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
/// @param source the template, as it was given
/// @param template writes them as text
/// @param tokenizer makes tokens of that text
/// @param end the token that ends a text, for turns that a template ends with none
/// @param assumed whether the base has no template and ChatML stands in, as in llama.cpp's server
/// @param identity names all that decides how a chat becomes text
public record ChatEncoding(
    ChatTemplate source,
    ServedTemplate template,
    ChatTokenizer tokenizer,
    OptionalInt end,
    boolean assumed,
    String identity) {
  private static final String WITHOUT_ANY = "chatml";

  /// A base's, with its own template or another; where it has none, with ChatML, which is what
  /// llama.cpp's server takes then (`common_chat_templates_init`).
  ///
  /// @param tokenizer must stay open as long as the encoding is used
  /// @param name one of the base's further templates, one of Lorikeet's, or a file; empty for the
  ///     base's own
  /// @throws io.lorikeet.quant.InvalidInputException when the template can't be used
  /// @throws IOException when its file can't be read
  public static ChatEncoding of(Tokenizer tokenizer, Optional<String> name) throws IOException {
    ChatTemplates templates = tokenizer.chatTemplates();
    if (name.isPresent()) {
      return of(tokenizer, templates.named(name.get()), Optional.empty(), false);
    }
    Optional<ChatTemplate> own = templates.own();
    return own.isPresent()
        ? of(tokenizer, own.get(), templates.forTools(), false)
        : of(tokenizer, ChatTemplates.builtIn(WITHOUT_ANY), Optional.empty(), true);
  }

  private static ChatEncoding of(
      Tokenizer tokenizer,
      ChatTemplate template,
      Optional<ChatTemplate> forTools,
      boolean assumed) {
    String identity =
        ServedTemplate.DAY
            + "\n"
            + forTools.map(ChatTemplate::source).orElse("")
            + template.source();
    return new ChatEncoding(
        template,
        ServedTemplate.of(template, forTools, tokenizer.vocabulary()),
        new ChatTokenizer(tokenizer.vocabulary()),
        tokenizer.end(),
        assumed,
        identity);
  }
}

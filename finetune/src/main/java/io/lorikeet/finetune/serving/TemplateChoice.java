package io.lorikeet.finetune.serving;

import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/// Which chat template a conversation is written with: the one that was asked for, or that the
/// adapters were trained with, or the base's own.
public final class TemplateChoice {
  private TemplateChoice() {}

  /// @param named one of the base's, one of Lorikeet's, or a file
  /// @param trained the templates that the adapters were trained with, of those that record one
  /// @throws InvalidInputException when there is none, or several would do, or it can't be used
  public static ChatTemplate of(
      GgufFile base, Optional<String> named, List<TrainedTemplate> trained) throws IOException {
    String name = base.path().getFileName().toString();
    ChatTemplates templates = ChatTemplates.of(base.metadata(), name);
    if (named.isPresent()) {
      return templates.named(named.get());
    }
    List<TrainedTemplate> different = trained.stream().distinct().toList();
    if (different.stream().map(TrainedTemplate::text).distinct().count() > 1) {
      throw InvalidInputException.of(
          "the adapters were trained with different chat templates; choose one with --chat-template",
          different.stream().map(TrainedTemplate::origin).toList());
    }
    if (!different.isEmpty()) {
      TrainedTemplate template = different.getFirst();
      return ChatTemplate.of(template.origin() + ", as in the adapter", template.text());
    }
    return templates
        .own()
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "%s has no chat template: it continues texts, see lorikeet generate. Give the template it was trained with by --chat-template: %s, or a file"
                        .formatted(base.path(), String.join(", ", ChatTemplates.BUILT_IN))));
  }
}

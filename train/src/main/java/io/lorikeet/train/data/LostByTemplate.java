package io.lorikeet.train.data;

import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.text.template.ServedTemplate;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.data.files.SourceLine;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Finds what chats hold and a template leaves out, so that the model never sees it: system
/// prompts, tools, their calls.
final class LostByTemplate {
  /// Chats that are looked at; the others are likely of the same kind.
  private static final int LOOKED_AT = 300;

  private static final Set<String> SYSTEM = Set.of("system", "developer");

  private final Optional<ServedTemplate> template;
  private final Map<Lost, Integer> counts = new EnumMap<>(Lost.class);
  private final Map<Lost, SourceLine> first = new EnumMap<>(Lost.class);
  private int seen;

  private enum Lost {
    SYSTEM_PROMPT("the system prompt"),
    MESSAGE("messages of users or tools"),
    CALLS("the calls of tools"),
    TOOLS("the definitions of tools");

    private final String words;

    Lost(String words) {
      this.words = words;
    }
  }

  LostByTemplate(TextEncoding encoding) {
    template = encoding.chats().map(ChatEncoding::template);
  }

  /// Looks at an example.
  void add(Example example) {
    if (template.isEmpty()
        || !(example.content() instanceof Example.Chat(Conversation conversation))
        || seen++ >= LOOKED_AT) {
      return;
    }
    for (Lost lost : lost(conversation)) {
      counts.merge(lost, 1, Integer::sum);
      first.putIfAbsent(lost, new SourceLine(example.source(), example.line()));
    }
  }

  private Set<Lost> lost(Conversation conversation) {
    String text;
    try {
      text = template.orElseThrow().render(conversation, false).text();
    } catch (InvalidInputException _) {
      return Set.of(); // refused, and said so, when it was tokenized
    }
    Set<Lost> lost = EnumSet.noneOf(Lost.class);
    int place = 0; // mostly, messages are written in their order
    for (Message message : conversation.messages()) {
      boolean missing = false;
      for (String part : message.content()) {
        int next = text.indexOf(part.strip(), place);
        place = next >= 0 ? next : place;
        missing |= next < 0 && !text.contains(part.strip());
      }
      if (missing && SYSTEM.contains(message.role())) {
        lost.add(Lost.SYSTEM_PROMPT);
      } else if (missing && !message.isAssistant()) { // thoughts of earlier answers may go
        lost.add(Lost.MESSAGE);
      }
      if (message.toolCalls().stream().anyMatch(call -> !text.contains(call.name()))) {
        lost.add(Lost.CALLS);
      }
    }
    for (Map<String, Object> tool : conversation.tools()) {
      if (tool.get("function") instanceof Map<?, ?> function
          && !text.contains(String.valueOf(function.get("name")))) {
        lost.add(Lost.TOOLS);
      }
    }
    return lost;
  }

  /// Reports the findings.
  void report(TrainingListener listener) {
    counts.forEach(
        (lost, count) ->
            listener.on(
                new TrainingEvent.Warning(
                    "the chat template leaves out %s in %s of the first %s chats, first %s: the model never sees them"
                        .formatted(
                            lost.words, count, Math.min(seen, LOOKED_AT), first.get(lost)))));
  }
}

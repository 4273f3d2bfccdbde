package io.lorikeet.train.data;

import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.data.files.SourceLine;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Finds examples that can be trained on and are likely mistakes.
public final class OddExamples {
  private static final int SHOWN = 20;

  private final boolean chats;

  private final Map<String, List<SourceLine>> places = new LinkedHashMap<>();
  private final Map<String, Integer> counts = new LinkedHashMap<>();

  /// A kind of odd examples.
  ///
  /// @param what the kind in words
  /// @param count number of such examples
  /// @param first the first twenty of them
  public record Oddity(String what, int count, List<SourceLine> first) {}

  /// @param encoding how chats are written
  public OddExamples(TextEncoding encoding) {
    chats = encoding.chats().isPresent() && !encoding.chats().get().assumed();
  }

  /// Looks at an example.
  public void add(Example example) {
    SourceLine place = new SourceLine(example.source(), example.line());
    switch (example.content()) {
      case Example.Completion completion -> completion(completion, place);
      case Example.Chat(var conversation) -> chat(conversation.messages(), place);
      case Example.Preference(var chosen, var rejected) -> {
        if (chosen.words().equals(rejected.words())) {
          note("the chosen and the rejected answer are the same", place);
        }
      }
      case Example.PlainText _, Example.Document _, Example.Retrieval _ -> {}
    }
    if (example.content().words().indexOf('\uFFFD') >= 0) {
      note("has characters that were lost when it was saved (U+FFFD)", place);
    }
  }

  private void completion(Example.Completion example, SourceLine place) {
    if (chats) {
      note("plain text, not a chat, on a base that has a chat template: serve it as text", place);
    }
    String prompt = example.prompt();
    if (prompt.endsWith(" ")) {
      note("the prompt ends in a space, which most vocabularies write with the next word", place);
    } else if (!prompt.isEmpty()
        && Character.isLetterOrDigit(prompt.charAt(prompt.length() - 1))
        && Character.isLetterOrDigit(example.completion().charAt(0))) {
      note("nothing stands between the last word of the prompt and the completion", place);
    }
  }

  private void chat(List<Message> messages, SourceLine place) {
    if (!messages.getLast().isAssistant()) {
      note("the chat doesn't end with the assistant, so that its end teaches nothing", place);
    }
    for (Message message : messages) {
      if (!message.isAssistant() && !message.role().equals("tool") && message.text().isBlank()) {
        note("a message of role " + message.role() + " is empty", place);
        return;
      }
    }
  }

  private void note(String what, SourceLine place) {
    List<SourceLine> shown = places.computeIfAbsent(what, _ -> new ArrayList<>());
    counts.merge(what, 1, Integer::sum);
    if (shown.size() < SHOWN) {
      shown.add(place);
    }
  }

  /// The kinds found so far.
  public List<Oddity> found() {
    return counts.entrySet().stream()
        .map(e -> new Oddity(e.getKey(), e.getValue(), List.copyOf(places.get(e.getKey()))))
        .toList();
  }
}

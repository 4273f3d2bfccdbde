package io.lorikeet.train.data.files;

import io.lorikeet.models.chat.Conversation.Message;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Rules of chats that don't depend on the template. The order of turns is left to the template.
final class ChatCheck {
  private ChatCheck() {}

  /// @throws RecordProblem with the first thing that is wrong
  static void check(List<Message> messages, String key) {
    boolean answered = false;
    int openCalls = 0;
    Set<String> openIds = new HashSet<>();
    for (int i = 0; i < messages.size(); i++) {
      Message message = messages.get(i);
      String place = key + "[" + i + "]";
      if (message.role().equals("tool")) {
        answerCall(message, openCalls, openIds, place);
        openCalls--;
        continue;
      }
      if (openCalls > 0) {
        throw new RecordProblem(
            "%s: %s of the tool calls before it %s no answer; expected a message of role tool"
                .formatted(place, openCalls, openCalls == 1 ? "has" : "have"));
      }
      openIds.clear();
      if (message.isAssistant()) {
        answered = true;
        openCalls = message.toolCalls().size();
        message.toolCalls().forEach(call -> call.id().ifPresent(openIds::add));
        if (openCalls == 0 && message.text().isBlank() && message.reasoning().isEmpty()) {
          throw new RecordProblem(place + ": the assistant says nothing; expected text or a call");
        }
      }
    }
    if (!answered) {
      throw new RecordProblem("'" + key + "' has no message of an assistant to learn");
    }
  }

  private static void answerCall(Message answer, int openCalls, Set<String> openIds, String place) {
    if (openCalls == 0) {
      throw new RecordProblem(place + ": a tool answers, but nothing was called before");
    }
    answer
        .toolCallId()
        .filter(id -> !openIds.isEmpty() && !openIds.remove(id))
        .ifPresent(
            id -> {
              throw new RecordProblem(
                  "%s: answers the tool call '%s', which wasn't made; open: %s"
                      .formatted(place, id, String.join(", ", openIds)));
            });
  }
}

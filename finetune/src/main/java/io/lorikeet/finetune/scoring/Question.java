package io.lorikeet.finetune.scoring;

import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.ToolCall;
import java.util.List;
import java.util.Optional;

/// A prompt and its reference.
///
/// @param place where it stands: `tasks.jsonl:3`
/// @param prompt the prompt; of a chat its last message
/// @param chat the messages before the answer, where it is a chat
/// @param reference the right answer's text
/// @param calls the tools that a right answer calls
public record Question(
    String place,
    String prompt,
    Optional<Conversation> chat,
    String reference,
    List<ToolCall> calls) {
  public Question {
    calls = List.copyOf(calls);
  }
}

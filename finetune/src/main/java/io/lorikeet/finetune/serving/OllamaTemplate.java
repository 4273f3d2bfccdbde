package io.lorikeet.finetune.serving;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.chat.Conversation.ToolCall;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.models.text.template.ServedTemplate;
import io.lorikeet.models.text.template.TemplateException;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// A chat template in Ollama's language, Go's `text/template`, which can't run Jinja. There is one
/// only where it makes the same prompts as the Jinja does, of all conversations that are tried:
/// another prompt than the one trained on would spoil the adapter unseen.
///
/// Ollama gives a template `.Messages`, of which consecutive ones of the same role are one, and
/// `.System`, the texts of system prompts (its `template/template.go`). Blanks around a text are
/// kept, which some chat templates strip: Ollama has no function for it.
///
/// @param text the template; empty where there is none
/// @param obstacle the part that Go's language can't express, where there is no template
public record OllamaTemplate(Optional<String> text, String obstacle) {
  private static final String TOOLS = "tools and their answers";
  private static final Message SYSTEM = Message.of("system", "Be brief.\nAnswer in English.");
  private static final Message USER = Message.of("user", "What is 2+2?");
  private static final Message ASSISTANT = Message.of("assistant", "It is 4.");
  private static final Message AGAIN = Message.of("user", "And\n3+3?");
  private static final Map<String, Object> TOOL =
      Map.of(
          "type",
          "function",
          "function",
          Map.of(
              "name",
              "add",
              "description",
              "Adds.",
              "parameters",
              Map.of("type", "object", "properties", Map.of("a", Map.of("type", "number")))));

  /// Conversations that both templates are tried with, by what is special about them.
  static final Map<String, List<Conversation>> PROBES = probes();

  private static Map<String, List<Conversation>> probes() {
    Message called =
        new Message(
            "assistant",
            List.of("I add."),
            Optional.empty(),
            List.of(new ToolCall(Optional.of("call00001"), "add", "{\"a\": 2}")),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());
    Message answer =
        new Message(
            "tool",
            List.of("4"),
            Optional.empty(),
            List.of(),
            Optional.of("add"),
            Optional.of("call00001"),
            Optional.empty());
    Message thinking = ASSISTANT.thinking(Optional.of("Two and two."));
    Message spoken = Message.of("assistant", "<think>\nTwo and two.\n</think>\n\nIt is 4.");
    List<Map<String, Object>> tools = List.of(TOOL);
    Map<String, List<Conversation>> probes = new LinkedHashMap<>();
    probes.put("one turn", List.of(Conversation.of(USER)));
    probes.put("a system prompt", List.of(Conversation.of(SYSTEM, USER)));
    probes.put(
        "several turns",
        List.of(
            Conversation.of(USER, ASSISTANT, AGAIN),
            Conversation.of(SYSTEM, USER, ASSISTANT, AGAIN),
            Conversation.of(SYSTEM, USER, ASSISTANT, AGAIN, ASSISTANT, USER)));
    probes.put(
        "thoughts",
        List.of(
            Conversation.of(USER, thinking, AGAIN),
            Conversation.of(USER, spoken, AGAIN),
            new Conversation(List.of(USER), List.of(), Map.of("enable_thinking", true)),
            new Conversation(List.of(USER), List.of(), Map.of("enable_thinking", false))));
    probes.put(
        TOOLS,
        List.of(
            new Conversation(List.of(USER), tools, Map.of()),
            new Conversation(List.of(SYSTEM, USER, ASSISTANT, AGAIN), tools, Map.of()),
            new Conversation(List.of(USER, called, answer), tools, Map.of()),
            Conversation.of(USER, called, answer),
            Conversation.of(USER, called, answer, ASSISTANT, AGAIN)));
    return probes;
  }

  /// The template for a model.
  ///
  /// @param trained a chat template to take instead of the model's own
  /// @throws IOException when the model's file can't be read
  public static OllamaTemplate of(Path model, Optional<String> trained) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(model)) {
      Optional<ChatTemplate> template =
          trained.isPresent()
              ? trained.map(text -> ChatTemplate.of("the chat template", text))
              : tokenizer.chatTemplates().own();
      return template.isEmpty()
          ? new OllamaTemplate(Optional.of("{{ .Prompt }}"), "")
          : of(ServedTemplate.of(template.get(), Optional.empty(), tokenizer.vocabulary()));
    } catch (InvalidInputException | GgmlException e) {
      return new OllamaTemplate(Optional.empty(), "anything");
    }
  }

  /// Writes down a chat template, if Ollama's language can.
  static OllamaTemplate of(ServedTemplate template) {
    Map<Conversation, Optional<String>> prompts = new LinkedHashMap<>();
    PROBES.values().forEach(all -> all.forEach(one -> prompts.put(one, prompt(template, one))));
    String obstacle = PROBES.keySet().iterator().next();
    Iterator<TurnFormat> formats = TurnFormat.of(messages -> prompt(template, messages)).iterator();
    while (formats.hasNext()) {
      TurnFormat format = formats.next();
      Optional<String> found = obstacle(format, prompts);
      if (found.isEmpty()) {
        return new OllamaTemplate(Optional.of(GoTemplate.of(format)), "");
      }
      obstacle = found.get();
      if (!obstacle.equals(TOOLS)) {
        break; // formats differ in other roles alone
      }
    }
    return new OllamaTemplate(Optional.empty(), obstacle);
  }

  private static Optional<String> prompt(ServedTemplate template, List<Message> messages) {
    return prompt(template, new Conversation(messages, List.of(), Map.of()));
  }

  /// A prompt as llama.cpp's server makes it.
  ///
  /// @return empty where the template refuses the conversation, and so does the server
  static Optional<String> prompt(ServedTemplate template, Conversation conversation) {
    try {
      return Optional.of(template.render(conversation, true).text());
    } catch (TemplateException _) {
      return Optional.empty();
    }
  }

  /// The first kind of conversation of which a format makes another prompt.
  private static Optional<String> obstacle(
      TurnFormat format, Map<Conversation, Optional<String>> prompts) {
    for (Map.Entry<String, List<Conversation>> probe : PROBES.entrySet()) {
      for (Conversation conversation : probe.getValue()) {
        Optional<String> wanted =
            Objects.requireNonNull(prompts.get(conversation), "all probes were rendered");
        String made = format.prompt(conversation.messages());
        if (wanted.isPresent() && !wanted.get().equals(made)) {
          return Optional.of(probe.getKey());
        }
      }
    }
    return Optional.empty();
  }
}

package io.lorikeet.models.text.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.chat.Conversation.ToolCall;
import io.lorikeet.models.text.ChatVocabulary;
import io.lorikeet.models.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Templates get the same variables as from the server of llama.cpp v0.5.0; the expected texts are
/// its own (`/apply-template`).
@ExtendWith(LeakCheck.class)
final class ServedTemplateTest {
  private static final Message USER = Message.of("user", "2+2?");
  private static final Message AGAIN = Message.of("user", "3+3?");

  @TempDir private Path folder;

  @Test
  void earlierThoughtsAreKeptWhereTheTemplateCan() throws IOException {
    List<Message> chat =
        List.of(USER, Message.of("assistant", "4").thinking(Optional.of("Easy.")), AGAIN);
    String glm = render("GLM-4.7-Flash", new Conversation(chat, List.of(), Map.of()));
    assertTrue(glm.endsWith("<think>Easy.</think>4<|user|>3+3?<|assistant|><think>"), glm);
    Map<String, Object> off = Map.of("preserve_reasoning", false);
    String dropped = render("GLM-4.7-Flash", new Conversation(chat, List.of(), off));
    assertTrue(dropped.endsWith("</think>4<|user|>3+3?<|assistant|><think>"), dropped);
    assertFalse(dropped.contains("Easy."), dropped);
    Map<String, Object> own = Map.of("clear_thinking", true);
    assertEquals(dropped, render("GLM-4.7-Flash", new Conversation(chat, List.of(), own)));
  }

  @Test
  void thinkingIsOffWhereTheTemplateShowsNoThoughts() throws IOException {
    String apertus = render("Apertus-8B-Instruct", Conversation.of(USER));
    assertTrue(apertus.contains("Deliberation: disabled"), apertus);
  }

  @Test
  void ofToolsOnlyNameDescriptionAndParametersAreTaken() throws IOException {
    Map<String, Object> odd =
        Map.of("type", "function", "function", Map.of("name", "now", "strict", true), "x", 1);
    Conversation chat = new Conversation(List.of(USER), List.of(odd), Map.of());
    String qwen = render("Qwen-Qwen3-0.6B", chat);
    String expected =
        "{\"type\": \"function\", \"function\": {\"name\": \"now\", \"description\": \"\","
            + " \"parameters\": {}}}\n";
    assertTrue(qwen.contains(expected), qwen);
  }

  @Test
  void nothingIsEscapedBesideASafeText() throws IOException {
    Map<String, Object> now =
        Map.of("type", "function", "function", Map.of("name", "now", "description", "d"));
    String functionary =
        render(
            "meetkai-functionary-medium-v3.1",
            new Conversation(List.of(USER), List.of(now), Map.of()));
    assertTrue(functionary.contains("{\"name\": \"now\""), functionary);
  }

  @Test
  void aDeveloperIsMergedLikeASystemPrompt() throws IOException {
    String gemma =
        render("google-gemma-2-2b-it", Conversation.of(Message.of("developer", "Be brief."), USER));
    assertTrue(gemma.contains("<start_of_turn>user\nBe brief.\n2+2?<end_of_turn>"), gemma);
  }

  @Test
  void toolsAnswerInsideTheCallInGemmasOlderTemplates() throws IOException {
    String gemma = "google-gemma-4-31B-it-interleaved";
    Conversation asked = Conversation.of(USER, call(List.of()), answer("{\"sum\": 4}"));
    String prompt = render(gemma, asked);
    assertTrue(
        prompt.endsWith(
            "<|tool_call>call:add{a:2}<tool_call|><|tool_response>response:add{sum:4}<tool_response|>"),
        prompt);
    String answered =
        render(
            gemma,
            Conversation.of(
                USER,
                call(List.of()),
                answer("{\"sum\": 4}"),
                Message.of("assistant", "4"),
                AGAIN));
    assertTrue(answered.contains("<tool_response|>4<turn|>\n<|turn>user\n3+3?"), answered);
  }

  @Test
  void gemmaIsAskedAfterACallBesideAText() throws IOException {
    String prompt =
        render(
            "google-gemma-4-31B-it",
            Conversation.of(USER, call(List.of("Let me add.")), answer("4")));
    assertTrue(prompt.endsWith("<turn|>\n<|turn>model\n"), prompt);
  }

  @Test
  void aTemplateWithoutEndIsRefusedAtOnce() throws IOException {
    Path base =
        ChatVocabulary.bytePairs(
            folder.resolve("base.gguf"), "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}");
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      ChatTemplate own = tokenizer.chatTemplates().own().orElseThrow();
      TemplateException refused =
          assertThrows(
              TemplateException.class,
              () -> ServedTemplate.of(own, Optional.empty(), tokenizer.vocabulary()));
      assertTrue(refused.isExhausted());
      assertTrue(refused.getMessage().contains("line 1: the template is nested"));
    }
  }

  private static Message call(List<String> text) {
    return new Message(
        "assistant",
        text,
        Optional.empty(),
        List.of(new ToolCall(Optional.of("1"), "add", "{\"a\": 2}")),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private static Message answer(String text) {
    return new Message(
        "tool",
        List.of(text),
        Optional.empty(),
        List.of(),
        Optional.of("add"),
        Optional.of("1"),
        Optional.empty());
  }

  private String render(String template, Conversation conversation) throws IOException {
    String source = Fixtures.read().templates().get(template);
    Path base = ChatVocabulary.bytePairs(folder.resolve("base.gguf"), source);
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      ChatTemplate own = tokenizer.chatTemplates().own().orElseThrow();
      return ServedTemplate.of(own, Optional.empty(), tokenizer.vocabulary())
          .render(conversation, true)
          .text();
    }
  }
}

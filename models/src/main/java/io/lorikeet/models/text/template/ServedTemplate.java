package io.lorikeet.models.text.template;

import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.quant.InvalidInputException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/// Renders conversations as llama.cpp's server renders those of its requests (common/chat.cpp:
/// `common_chat_templates_apply`). Templates get the same variables, and messages that a template
/// can't take as they are get the same changes. The begin token is left out, for tokenizing adds
/// it.
///
/// Only the clock is another: `strftime_now` always says [#DAY], so that the same data are the same
/// tokens on every day.
public final class ServedTemplate {
  /// The day that templates are told.
  public static final LocalDateTime DAY = LocalDateTime.of(2026, 1, 1, 0, 0);

  private static final Map<String, String> REPLACED =
      Map.of(
          "{%- if \"<|channel|>analysis<|message|>\" in message.content or "
              + "\"<|channel|>final<|message|>\" in message.content %}",
          "{%- if false %}",
          "{%- if (message['content'] is none or message['content'] == '' or "
              + "message['content']|length == 0) and (message['tool_calls'] is not defined or "
              + "message['tool_calls'] is none or message['tool_calls']|length == 0) %}",
          "{%- if false %}");

  /// The filter `safe`, which is left out because the server's does nothing. jinja2's marks a text
  /// as safe, and escapes the texts that are added to it.
  private static final Pattern SAFE = Pattern.compile("\\|\\s*safe\\b");

  /// The text by which the server recognizes Gemma 4's templates.
  static final String GEMMA_4 = "'<|tool_call>call:'";
  private static final String GEMMA_END = "<turn|>\n";
  private static final String GEMMA_START = "<|turn>model\n";

  private final One plain;
  private final Optional<One> forTools;
  private final String begin;
  private final String end;
  private final boolean addsBegin;
  private final boolean addsEnd;

  /// A template, and the forms of messages that it takes.
  private record One(ChatTemplate template, ServedMessages messages) {
    static One of(ChatTemplate template) {
      String source = template.source();
      for (Map.Entry<String, String> entry : REPLACED.entrySet()) {
        source = source.replace(entry.getKey(), entry.getValue());
      }
      source = SAFE.matcher(source).replaceAll("");
      ChatTemplate served = ChatTemplate.of(template.name(), source);
      return new One(served, new ServedMessages(source, Capabilities.of(served)));
    }
  }

  private ServedTemplate(
      One plain,
      Optional<One> forTools,
      String begin,
      String end,
      boolean addsBegin,
      boolean addsEnd) {
    this.plain = plain;
    this.forTools = forTools;
    this.begin = begin;
    this.end = end;
    this.addsBegin = addsBegin;
    this.addsEnd = addsEnd;
  }

  /// A template as a server of a base uses it.
  ///
  /// @param forTools the one for conversations with tools, where the base has its own for them
  ///     (`tokenizer.chat_template.tool_use`)
  /// @throws TemplateException when a template doesn't end, whatever it is given
  public static ServedTemplate of(
      ChatTemplate template, Optional<ChatTemplate> forTools, LlamaVocabulary vocabulary) {
    return new ServedTemplate(
        One.of(template),
        forTools.map(One::of),
        text(vocabulary, vocabulary.bos()),
        text(vocabulary, vocabulary.eos()),
        vocabulary.addsBos(),
        vocabulary.addsEos());
  }

  private static String text(LlamaVocabulary vocabulary, OptionalInt token) {
    return token.isPresent()
        ? new String(vocabulary.piece(token.getAsInt(), true), StandardCharsets.UTF_8)
        : "";
  }

  /// Renders a conversation, to be tokenized with the vocabulary's own begin and end tokens. A
  /// character of its messages has the message's number, from 1, as its origin.
  ///
  /// @param generationPrompt adds what an assistant's answer begins with
  /// @throws TemplateException when the template refuses it
  /// @throws InvalidInputException when the arguments of a tool call are no JSON, and the template
  ///     wants them as an object
  public Rendering render(Conversation conversation, boolean generationPrompt) {
    One one = conversation.tools().isEmpty() ? plain : forTools.orElse(plain);
    Map<String, Object> variables = new LinkedHashMap<>();
    try {
      variables.put("messages", one.messages().of(conversation.messages()));
    } catch (EvaluationError e) {
      throw new InvalidInputException("a tool call's arguments aren't JSON: " + e.getMessage(), e);
    }
    variables.put("bos_token", begin);
    variables.put("eos_token", end);
    variables.put("enable_thinking", one.messages().thinking());
    if (!conversation.tools().isEmpty()) {
      variables.put("tools", tools(conversation.tools()));
    }
    variables.put("datetime", day("MMM dd uuuu"));
    variables.put("date_string", day("dd MMM uuuu"));
    variables.put("preserve_reasoning", true); // the server's default
    variables.putAll(conversation.variables());
    if (generationPrompt) {
      variables.put("add_generation_prompt", true);
    }
    putDerived(variables);
    Rendering rendering = one.template().render(variables, DAY);
    if (generationPrompt
        && one.template().source().contains(GEMMA_4)
        && rendering.text().endsWith(GEMMA_END)) { // after a call beside a text it asks for nothing
      rendering = rendering.followedBy(Rendering.of(GEMMA_START, Rendering.TEMPLATE));
    }
    int from = addsBegin && rendering.text().startsWith(begin) ? begin.length() : 0;
    int to = rendering.text().length();
    if (addsEnd && to - end.length() >= from && rendering.text().endsWith(end)) {
      to -= end.length();
    }
    return rendering.part(from, to);
  }

  /// The names that templates have for the server's settings (common/jinja/caps.cpp); what a
  /// request says under them counts.
  private static void putDerived(Map<String, Object> variables) {
    if (variables.get("preserve_reasoning") instanceof Boolean preserve) {
      variables.putIfAbsent("preserve_thinking", preserve);
      variables.putIfAbsent("clear_thinking", !preserve);
      variables.putIfAbsent("truncate_history_thinking", !preserve);
      variables.putIfAbsent("drop_thinking", !preserve);
    }
    if (variables.get("reasoning_effort") instanceof String effort) {
      variables.putIfAbsent("reasoning_strength", effort);
    }
  }

  /// Definitions of tools with what the server takes of them, in its order.
  private static List<Object> tools(List<Map<String, Object>> tools) {
    List<Object> taken = new ArrayList<>();
    for (Map<String, Object> tool : tools) {
      Map<?, ?> given = (Map<?, ?>) tool.get("function");
      Map<String, Object> function = new LinkedHashMap<>();
      function.put("name", given.get("name"));
      function.put("description", given.containsKey("description") ? given.get("description") : "");
      function.put(
          "parameters", given.containsKey("parameters") ? given.get("parameters") : Map.of());
      Map<String, Object> definition = new LinkedHashMap<>();
      definition.put("type", "function");
      definition.put("function", function);
      taken.add(definition);
    }
    return taken;
  }

  private static String day(String pattern) {
    return DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(DAY);
  }
}

package io.lorikeet.finetune.scoring;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import io.lorikeet.models.chat.Conversation.ToolCall;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// Whether the answer calls the tools that the reference calls, with equal arguments: compared as
/// JSON values, so neither the order of keys nor that of several calls counts, nor how a number is
/// written.
///
/// A call is a JSON object of `name` and `arguments` (or `parameters`), wherever it stands in the
/// text: so write Hermes and Qwen (within `<tool_call>`), Llama 3 and Mistral.
final class ToolCallScorer {
  private static final Comparator<JsonNode> BY_VALUE =
      (a, b) ->
          a.isNumber() && b.isNumber()
              ? a.decimalValue().compareTo(b.decimalValue())
              : a.equals(b) ? 0 : 1;

  /// Reads a value and leaves what follows it.
  private static final ObjectReader PREFIX =
      JsonScorers.JSON.reader().without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private ToolCallScorer() {}

  private record NamedCall(String name, JsonNode arguments) {
    boolean isSame(NamedCall other) {
      return name.equals(other.name) && arguments.equals(BY_VALUE, other.arguments);
    }
  }

  static Score score(Question question, String answer) {
    List<NamedCall> wanted =
        question.calls().isEmpty()
            ? find(question.reference())
            : question.calls().stream().map(ToolCallScorer::call).toList();
    if (wanted.isEmpty()) {
      return Score.failed("the reference calls no tool");
    }
    List<NamedCall> left = new ArrayList<>(find(answer));
    boolean all = left.size() == wanted.size();
    for (NamedCall call : wanted) {
      Optional<NamedCall> same = left.stream().filter(call::isSame).findFirst();
      all &= same.isPresent();
      same.ifPresent(left::remove);
    }
    return Score.of(all);
  }

  /// Whether a text has a call in it.
  static boolean calls(String text) {
    return !find(text).isEmpty();
  }

  private static NamedCall call(ToolCall call) {
    JsonNode arguments =
        call.arguments() instanceof String text
            ? JsonScorers.read(text).orElseGet(() -> JsonScorers.JSON.valueToTree(text))
            : JsonScorers.JSON.valueToTree(call.arguments());
    return new NamedCall(call.name(), arguments);
  }

  /// The calls in a text, outermost objects first to last.
  private static List<NamedCall> find(String text) {
    List<NamedCall> calls = new ArrayList<>();
    int at = text.indexOf('{');
    while (at >= 0) {
      int end = at + 1;
      try (JsonParser parser = JsonScorers.JSON.createParser(text.substring(at))) {
        JsonNode value = PREFIX.readTree(parser);
        end = at + (int) parser.currentLocation().getCharOffset();
        read(value).ifPresent(calls::add);
      } catch (JsonProcessingException _) {
        end = at + 1; // no JSON begins here
      } catch (IOException e) {
        throw new UncheckedIOException(e); // there is no file
      }
      at = text.indexOf('{', end);
    }
    return calls;
  }

  private static Optional<NamedCall> read(JsonNode value) {
    JsonNode function = value.path("function").isObject() ? value.get("function") : value;
    JsonNode arguments =
        function.hasNonNull("arguments") ? function.get("arguments") : function.path("parameters");
    JsonNode object =
        arguments.isTextual()
            ? JsonScorers.read(arguments.textValue()).orElse(arguments)
            : arguments;
    return function.path("name").isTextual() && object.isObject()
        ? Optional.of(new NamedCall(function.get("name").textValue(), object))
        : Optional.empty();
  }
}

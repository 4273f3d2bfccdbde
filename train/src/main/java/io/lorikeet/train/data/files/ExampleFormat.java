package io.lorikeet.train.data.files;

import io.lorikeet.quant.NearestName;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/// The layouts of an example as a JSON object. An object is recognized by its keys; where it has
/// those of several layouts, the first one here counts (Alpaca's own files carry a `text` besides).
public enum ExampleFormat {
  /// Two answers, and which is better: TRL's `prompt`, `chosen` and `rejected` in text or messages,
  /// or LLaMA-Factory's `conversations` with `chosen` and `rejected`.
  PREFERENCE(
      List.of("chosen", "rejected"),
      List.of("prompt", "conversations", "messages", "system", "tools")),

  /// sentence-transformers' `anchor` and `positive`, each with `negative` or `negatives`: texts, or
  /// lists of them.
  ANCHOR_POSITIVE(List.of("anchor", "positive"), List.of("negative", "negatives")),

  /// FlagEmbedding's `query` and `pos`, each with `neg`: texts, or lists of them.
  QUERY_POS(List.of("query", "pos"), List.of("neg")),

  /// OpenAI's `messages`, of `role` and `content`.
  MESSAGES(List.of("messages"), List.of("tools", "chat_template_kwargs", "parallel_tool_calls")),

  /// ShareGPT's `conversations`, of `from` and `value`, as LLaMA-Factory has them.
  SHAREGPT(List.of("conversations"), List.of("tools", "system")),

  /// `prompt` and `completion`, as texts taken as they are, or as lists of messages.
  PROMPT_COMPLETION(List.of("prompt", "completion"), List.of("tools")),

  /// Stanford Alpaca's `instruction`, `input` and `output`; with LLaMA-Factory's `system` and
  /// `history` it is a chat.
  ALPACA(List.of("instruction", "output"), List.of("input", "system", "history")),

  /// `question` and `answer`.
  QUESTION_ANSWER(List.of("question", "answer"), List.of()),

  /// `text` alone, all of it learned.
  TEXT(List.of("text"), List.of()),

  /// Open WebUI's export of ratings: each with the chat, of which the rated answer is learned.
  OPEN_WEBUI_FEEDBACK(List.of("snapshot", "data"), List.of("meta")),

  /// Open WebUI's export of chats.
  OPEN_WEBUI(List.of("chat"), List.of());

  /// The one required key whose text may be empty.
  static final String MAY_BE_EMPTY = "prompt";

  private final List<String> required;
  private final List<String> optional;

  ExampleFormat(List<String> required, List<String> optional) {
    this.required = required;
    this.optional = optional;
  }

  /// The keys that an object of this layout must have.
  public List<String> keys() {
    return required;
  }

  /// The name that `--format` takes, such as `question-answer`.
  public String option() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// Every key that a layout reads.
  public static List<String> knownKeys() {
    return Arrays.stream(values())
        .flatMap(format -> Stream.concat(format.required.stream(), format.optional.stream()))
        .distinct()
        .toList();
  }

  /// The layout of an object with these keys.
  static Optional<ExampleFormat> of(Collection<String> present) {
    return Arrays.stream(values())
        .filter(format -> present.containsAll(format.required))
        .findFirst();
  }

  /// Whether the layout reads this key.
  boolean reads(String key) {
    return required.contains(key) || optional.contains(key);
  }

  /// The first key that the layout needs and an object with these keys hasn't.
  Optional<String> missing(Collection<String> present) {
    return required.stream().filter(key -> !present.contains(key)).findFirst();
  }

  /// `question and answer`.
  @Override
  public String toString() {
    return String.join(" and ", required);
  }

  /// That a key is missing, and which one may be meant to be it.
  static String explainMissing(
      String missing, Collection<String> present, Collection<String> nulls) {
    return nulls.contains(missing)
        ? "'" + missing + "' is null"
        : "'%s' is missing (found: %s)%s"
            .formatted(missing, String.join(", ", present), meant(List.of(missing), present));
  }

  /// Why an object with these keys is no example, and the layout that was likely meant.
  ///
  /// @param nulls further keys, without a value
  static String explain(Collection<String> present, Collection<String> nulls) {
    if (present.isEmpty()) {
      return nulls.isEmpty()
          ? "an object without keys; expected " + expected()
          : "null under every key (%s); expected %s"
              .formatted(String.join(", ", nulls), expected());
    }
    for (ExampleFormat format : values()) {
      List<String> missing =
          format.required.stream().filter(key -> !present.contains(key)).toList();
      if (missing.size() < format.required.size()) {
        return explainMissing(missing.getFirst(), present, nulls);
      }
    }
    List<String> known = Arrays.stream(values()).flatMap(f -> f.required.stream()).toList();
    return "expected %s; found %s%s (--columns maps other names)"
        .formatted(expected(), String.join(", ", present), meant(known, present));
  }

  /// Asks about the first present key that is near a wanted one.
  private static String meant(List<String> wanted, Collection<String> present) {
    for (String key : present) {
      Optional<String> near = NearestName.of(key, wanted);
      if (near.isPresent()) {
        return String.format(Locale.ROOT, "; is '%s' meant to be '%s'?", key, near.get());
      }
    }
    return "";
  }

  private static String expected() {
    return "messages, or conversations, or prompt and completion, or instruction and output (with"
        + " or without input), or question and answer, or text, or chosen and rejected, or anchor and positive, or query and pos, or an export of Open WebUI";
  }
}

package io.lorikeet.train.data;

import io.lorikeet.train.NearestName;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// The layouts of an example as a JSON object, and the text that a model sees of each. An object is
/// recognized by its keys; where it has those of several layouts, the first one here counts
/// (Alpaca's own files carry a `text` besides).
public enum ExampleFormat {
  /// `prompt` and `completion`, taken as they are.
  PROMPT_COMPLETION("prompt", "completion") {
    @Override
    Example example(Map<String, String> values, String source, int line) {
      return new Example(values.get("prompt"), values.get("completion"), false, source, line);
    }
  },

  /// `instruction`, optionally `input`, and `output`, in the words of Stanford Alpaca's prompt
  /// (github.com/tatsu-lab/stanford_alpaca, train.py), with a line break before the response as
  /// most tools have it.
  INSTRUCTION("instruction", "output") {
    @Override
    Example example(Map<String, String> values, String source, int line) {
      String prompt = alpacaPrompt(values.get("instruction"), values.getOrDefault("input", ""));
      return new Example(prompt, values.get("output"), false, source, line);
    }
  },

  /// `question` and `answer`, worded as `Question: …`, a line break and `Answer:`, as EleutherAI's
  /// lm-evaluation-harness asks GSM8K's. The completion begins with the space after the colon.
  QUESTION_ANSWER("question", "answer") {
    @Override
    Example example(Map<String, String> values, String source, int line) {
      String prompt = "Question: " + values.get("question") + "\nAnswer:";
      return new Example(prompt, " " + values.get("answer"), false, source, line);
    }
  },

  /// `text` alone, all of it learned.
  TEXT("text") {
    @Override
    Example example(Map<String, String> values, String source, int line) {
      return new Example(null, values.get("text"), false, source, line);
    }
  };

  /// The key that may be missing, empty or null; of [#INSTRUCTION].
  static final String OPTIONAL_KEY = "input";

  /// Keys of chats and preferences, which people will try.
  private static final List<String> OTHER_LAYOUTS =
      List.of("messages", "conversations", "chosen", "rejected");

  private final List<String> keys;

  ExampleFormat(String... keys) {
    this.keys = List.of(keys);
  }

  /// The keys that an object of this layout must have.
  public List<String> keys() {
    return keys;
  }

  /// The example that an object means.
  ///
  /// @param values text under each of [#keys], and under [#OPTIONAL_KEY] where it is there
  abstract Example example(Map<String, String> values, String source, int line);

  /// The layout of an object with these keys.
  public static Optional<ExampleFormat> of(Collection<String> present) {
    for (ExampleFormat format : values()) {
      if (present.containsAll(format.keys)) {
        return Optional.of(format);
      }
    }
    return Optional.empty();
  }

  /// Whether the layout reads this key.
  boolean reads(String key) {
    return keys.contains(key) || this == INSTRUCTION && key.equals(OPTIONAL_KEY);
  }

  /// `question and answer`.
  @Override
  public String toString() {
    return String.join(" and ", keys);
  }

  /// Why an object with these keys is no example, and what it may have meant to be.
  static String explain(Collection<String> present) {
    if (present.isEmpty()) {
      return "an object without keys; expected " + expected();
    }
    for (ExampleFormat format : values()) {
      List<String> missing = format.keys.stream().filter(key -> !present.contains(key)).toList();
      if (missing.size() < format.keys.size()) {
        String found = String.join(", ", present);
        return "'"
            + missing.getFirst()
            + "' is missing (found: "
            + found
            + ")"
            + meant(missing, present);
      }
    }
    for (String key : OTHER_LAYOUTS) {
      if (present.contains(key)) {
        return "'"
            + key
            + "': chats and preference pairs can't be trained on; expected "
            + expected();
      }
    }
    List<String> known = new ArrayList<>();
    for (ExampleFormat format : values()) {
      known.addAll(format.keys);
    }
    return "expected "
        + expected()
        + "; found "
        + String.join(", ", present)
        + meant(known, present);
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
    return "text, or prompt and completion, or instruction and output (with or without input), or question and answer";
  }

  private static String alpacaPrompt(String instruction, String input) {
    if (input.isEmpty()) {
      return """
      Below is an instruction that describes a task. Write a response that appropriately completes the request.

      ### Instruction:
      %s

      ### Response:
      """
          .formatted(instruction);
    }
    return """
    Below is an instruction that describes a task, paired with an input that provides further context. \
    Write a response that appropriately completes the request.

    ### Instruction:
    %s

    ### Input:
    %s

    ### Response:
    """
        .formatted(instruction, input);
  }
}

package io.lorikeet.train.data.files;

import io.lorikeet.models.chat.Conversation;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// One example as it stands in a file.
///
/// @param source the file, as the user named it
/// @param line line of the file where the example begins, from 1; of a Parquet file the row
/// @param scorer how an answer to its prompt is scored: the value under [#SCORER], as maps, lists,
///     strings, numbers and booleans. Training doesn't read it.
/// @param label whether its answer is a good one: the truth value under [#LABEL]
public record Example(
    Content content, String source, int line, Optional<Object> scorer, Optional<Boolean> label) {
  /// The key of the scorer, in any layout.
  public static final String SCORER = "scorer";

  /// The key of the label, in any layout but pairs.
  public static final String LABEL = "label";

  /// An example that doesn't say how answers are scored, nor how good its own is.
  public Example(Content content, String source, int line) {
    this(content, source, line, Optional.empty(), Optional.empty());
  }

  /// The content of an example.
  public sealed interface Content {
    /// Everything that was written in it, for telling duplicates.
    String words();
  }

  /// Plain text, all of it learned.
  public record PlainText(String text) implements Content {
    @Override
    public String words() {
      return text;
    }
  }

  /// A stretch of a text file, which is trained on in pieces where it is longer than the context.
  ///
  /// @param ends whether the file ends here
  public record Document(String text, boolean ends) implements Content {
    @Override
    public String words() {
      return text;
    }
  }

  /// A prompt as the model is given it, and the model's answer.
  public record Completion(String prompt, String completion) implements Content {
    @Override
    public String words() {
      return prompt + "\n" + completion;
    }
  }

  /// A chat, written with the base's chat template. Messages of the assistant are learned unless
  /// the data says otherwise.
  public record Chat(Conversation conversation) implements Content {
    @Override
    public String words() {
      String tools = conversation.tools().isEmpty() ? "" : conversation.tools() + "\n";
      return conversation.messages().stream()
          .flatMap(
              message ->
                  Stream.concat(
                      Stream.of(message.role(), message.text()),
                      message.toolCalls().stream()
                          .map(call -> call.name() + " " + call.arguments())))
          .collect(Collectors.joining("\n", tools, ""));
    }
  }

  /// A query, and passages that are to be found by it.
  ///
  /// @param passages at least one
  /// @param negatives texts that aren't to be found by it
  public record Retrieval(String query, List<String> passages, List<String> negatives)
      implements Content {
    public Retrieval {
      passages = List.copyOf(passages);
      negatives = List.copyOf(negatives);
    }

    @Override
    public String words() {
      return Stream.of(List.of(query), passages, negatives)
          .flatMap(List::stream)
          .collect(Collectors.joining("\n"));
    }
  }

  /// Two answers to the same prompt, of which one is preferred; both are [Completion]s or both
  /// [Chat]s.
  public record Preference(Content chosen, Content rejected) implements Content {
    @Override
    public String words() {
      return chosen.words() + "\n" + rejected.words();
    }
  }
}

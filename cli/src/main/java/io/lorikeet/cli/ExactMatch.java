package io.lorikeet.cli;

import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.text.TextGenerator;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.data.files.ExampleReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// How often llama.cpp completes prompts exactly as they should be, taking the likeliest token
/// always.
///
/// @param answers its answers, example by example
record ExactMatch(List<Answer> answers) {
  /// The demo's texts are shorter.
  private static final int CONTEXT = 128;

  private static final int LONGEST_ANSWER = 32;

  /// One answer.
  record Answer(Example.Completion example, String text) {
    boolean isRight() {
      return text.equals(example.completion());
    }
  }

  /// Examples with a prompt, from a file as `train` takes them.
  static List<Example.Completion> examples(Path file) throws IOException {
    List<Example.Completion> examples = new ArrayList<>();
    ExampleReader reader = new ExampleReader(false, _ -> {});
    reader.read(
        file,
        example -> {
          if (example.content() instanceof Example.Completion prompted) {
            examples.add(prompted);
          }
        });
    reader.finish();
    return examples;
  }

  /// Answers all examples.
  static ExactMatch of(
      Path base,
      Optional<Path> adapter,
      List<Example.Completion> examples,
      int threads,
      ProgressLine line)
      throws IOException {
    List<Answer> answers = new ArrayList<>();
    TextGenerator.Sampling likeliest = new TextGenerator.Sampling(LONGEST_ANSWER, 0, 0);
    try (TextGenerator generator = TextGenerator.open(base, adapter, CONTEXT, threads)) {
      for (Example.Completion example : examples) {
        String text = generator.generate(example.prompt(), likeliest, _ -> {}).text();
        answers.add(new Answer(example, text));
        line.update("answering: " + answers.size() + " of " + examples.size());
      }
    }
    line.clear();
    return new ExactMatch(answers);
  }

  long right() {
    return answers.stream().filter(Answer::isRight).count();
  }

  /// `12 of 200 (6.0 %)`.
  String inWords() {
    return right()
        + " of "
        + answers.size()
        + " ("
        + Words.percent((double) right() / answers.size())
        + ")";
  }
}

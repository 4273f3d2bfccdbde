package io.lorikeet.finetune.evaluation;

import io.lorikeet.train.data.files.ExampleReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// How answers are written, whatever they say.
final class AnswerHabits {
  private static final int WORDS = 4; // of a sequence that counts as repeated
  private static final int ECHO = 40; // characters

  private AnswerHabits() {}

  /// The share of sequences of four words that were in the same answer before, from 0 to 1, as a
  /// mean of all answers that have any.
  static double repetition(List<String> answers) {
    double sum = 0;
    int counted = 0;
    for (String answer : answers) {
      String[] words = answer.strip().split("\\s+");
      Set<List<String>> seen = new HashSet<>();
      int sequences = words.length - WORDS + 1;
      for (int i = 0; i < sequences; i++) {
        seen.add(List.of(words).subList(i, i + WORDS));
      }
      if (sequences > 0) {
        sum += 1 - (double) seen.size() / sequences;
        counted++;
      }
    }
    return counted == 0 ? 0 : sum / counted;
  }

  /// The share of answers in which a stretch of 40 characters stands that stands in the data too,
  /// whatever blanks there are.
  ///
  /// @param answers several lists, each with its share
  static List<Double> echo(List<List<String>> answers, Path data) throws IOException {
    Map<String, Set<List<Integer>>> places = new HashMap<>(); // answers by their stretches
    for (int list = 0; list < answers.size(); list++) {
      for (int i = 0; i < answers.get(list).size(); i++) {
        String text = plain(answers.get(list).get(i));
        for (int at = 0; at + ECHO <= text.length(); at++) {
          places
              .computeIfAbsent(text.substring(at, at + ECHO), _ -> new HashSet<>())
              .add(List.of(list, i));
        }
      }
    }
    Set<List<Integer>> echoing = new HashSet<>();
    ExampleReader reader = new ExampleReader(false, _ -> {});
    reader.read(
        data,
        example -> {
          String text = plain(example.content().words());
          for (int at = 0; at + ECHO <= text.length(); at++) {
            echoing.addAll(places.getOrDefault(text.substring(at, at + ECHO), Set.of()));
          }
        });
    reader.finish();
    List<Double> shares = new ArrayList<>();
    for (int list = 0; list < answers.size(); list++) {
      int number = list;
      long count = echoing.stream().filter(answer -> answer.getFirst() == number).count();
      shares.add((double) count / Math.max(1, answers.get(list).size()));
    }
    return shares;
  }

  private static String plain(String text) {
    return text.strip().replaceAll("\\s+", " ");
  }
}

package io.lorikeet.train.sample;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent.Sampled;
import io.lorikeet.train.settings.RunFiles;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The answers to a run's prompts, `samples.jsonl` in its folder: a line for each time, with
/// `step`, `seconds`, and `samples`, a list of `prompt`, `answer`, `tokens` and `ended`.
public final class SampleFile {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SampleFile() {}

  /// Adds a line.
  static void add(Path run, Sampled sampled) throws IOException {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("step", sampled.step());
    line.put("seconds", sampled.seconds());
    List<Map<String, Object>> samples = new ArrayList<>();
    for (Sampled.SampleAnswer answer : sampled.answers()) {
      Map<String, Object> sample = new LinkedHashMap<>();
      sample.put("prompt", answer.prompt());
      sample.put("answer", answer.text());
      sample.put("tokens", answer.tokens());
      sample.put("ended", answer.ended());
      samples.add(sample);
    }
    line.put("samples", samples);
    Files.writeString(
        run.resolve(RunFiles.SAMPLES),
        JSON.writeValueAsString(line) + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }

  /// Reads a run's answers, in the order of their steps; of a step that was taken again the last.
  /// Half a line at the end, of a run that is writing it or was killed, is left out.
  ///
  /// @param run the run's folder
  /// @throws InvalidInputException when another line isn't one of these
  public static List<Sampled> read(Path run) throws IOException {
    Path file = run.resolve(RunFiles.SAMPLES);
    if (!Files.exists(file)) {
      return List.of();
    }
    TreeMap<Integer, Sampled> all = new TreeMap<>();
    try {
      List<String> lines = Files.readAllLines(file);
      for (int i = 0; i < lines.size(); i++) {
        Sampled sampled = parse(lines.get(i));
        if (sampled != null) {
          all.put(sampled.step(), sampled);
        } else if (i + 1 < lines.size()) {
          throw new InvalidInputException(
              "%s:%s: this is no line of a run's samples, which are JSON objects with a 'step'"
                  .formatted(file, i + 1));
        }
      }
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(file + ": this isn't text in UTF-8", e);
    }
    return List.copyOf(all.values());
  }

  private static @Nullable Sampled parse(String text) {
    try {
      JsonNode line = JSON.readTree(text);
      if (!line.path("step").isInt()) {
        return null;
      }
      List<Sampled.SampleAnswer> answers = new ArrayList<>();
      for (JsonNode sample : line.path("samples")) {
        answers.add(
            new Sampled.SampleAnswer(
                sample.path("prompt").asText(),
                sample.path("answer").asText(),
                sample.path("tokens").asInt(),
                sample.path("ended").asBoolean()));
      }
      return new Sampled(line.path("step").asInt(), answers, line.path("seconds").asDouble());
    } catch (JsonProcessingException _) {
      return null;
    }
  }
}

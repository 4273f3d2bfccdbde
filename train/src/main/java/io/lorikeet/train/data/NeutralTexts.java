package io.lorikeet.train.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.lorikeet.models.text.TextGenerator;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Texts that a base wrote by itself: about nothing in particular, and as it speaks. They are made
/// once and kept in a file, so that several adapters are held against the same ones.
public final class NeutralTexts {
  /// Beginnings of common kinds of text.
  private static final List<String> BEGINNINGS =
      List.of(
          "The",
          "In",
          "A",
          "When",
          "It is",
          "Question: What",
          "How to",
          "def ",
          "1. ",
          "Dear",
          "She said",
          "#",
          "{\"",
          "There are",
          "We",
          "Today");

  private static final int OF_EACH = 2;
  private static final int TOKENS = 64;

  private NeutralTexts() {}

  /// The texts in a file; they are made first where there is none.
  ///
  /// @param seed the same gives the same texts on the same machine
  /// @param listener told how far it is
  /// @throws InvalidInputException when the file holds those of another base
  public static List<String> of(
      Path base, Path file, long seed, int threads, TrainingListener listener) throws IOException {
    String hash;
    try (GgufFile gguf = GgufFile.open(base)) {
      hash = gguf.hash();
    }
    if (Files.exists(file)) {
      return read(file, hash, base);
    }
    List<String> texts = make(base, seed, threads, listener);
    Map<String, Object> kept = new LinkedHashMap<>();
    kept.put("base_sha256", hash);
    kept.put("seed", seed);
    kept.put("texts", texts);
    try (AtomicFile written = AtomicFile.create(file)) {
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .writeValue(written.path().toFile(), kept);
      written.commit();
    }
    return texts;
  }

  private static List<String> read(Path file, String hash, Path base) throws IOException {
    List<String> texts = new ArrayList<>();
    try {
      JsonNode kept = new ObjectMapper().readTree(Files.readString(file));
      kept.path("texts").forEach(text -> texts.add(text.asText()));
      if (!kept.path("base_sha256").asText().equals(hash)) {
        throw new InvalidInputException(
            "%s holds neutral texts of another base than %s. Remove it, and they are written anew"
                .formatted(file, base));
      }
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(file + ": neutral texts can't be read from it", e);
    }
    if (texts.isEmpty()) {
      throw new InvalidInputException(file + ": there are no texts in it");
    }
    return texts;
  }

  private static List<String> make(Path base, long seed, int threads, TrainingListener listener)
      throws IOException {
    List<String> texts = new ArrayList<>();
    try (TextGenerator generator =
        TextGenerator.open(base, Optional.empty(), 2 * TOKENS, threads)) {
      for (int i = 0; i < OF_EACH * BEGINNINGS.size(); i++) {
        String beginning = BEGINNINGS.get(i % BEGINNINGS.size());
        TextGenerator.Sampling sampling = new TextGenerator.Sampling(TOKENS, 1, seed + i);
        texts.add(beginning + generator.generate(beginning, sampling, _ -> {}).text());
        listener.on(
            new TrainingEvent.Progress("neutral texts", texts.size(), OF_EACH * BEGINNINGS.size()));
      }
    }
    return texts;
  }
}

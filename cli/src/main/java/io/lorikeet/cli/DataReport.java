package io.lorikeet.cli;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.train.data.DataFigures;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.OddExamples;
import io.lorikeet.train.data.PackedRow;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.data.files.SourceLine;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.Settings;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// The report of `lorikeet data`.
///
/// @param odd examples that are likely mistakes
/// @param said notes and warnings from reading and tokenizing
record DataReport(
    DataSettings settings,
    TrainingData data,
    DataFigures figures,
    List<OddExamples.Oddity> odd,
    List<TrainingEvent> said,
    Tokenizer tokenizer) {
  private static final int PLACES_IN_LINE = 5;
  private static final int LOOKED_AT = 1000;

  /// The figures, for people.
  void print(PrintWriter out) {
    int context = settings.get(Settings.CONTEXT);
    out.println();
    row(out, "examples", Words.count(figures.examples()));
    if (isOfTexts()) {
      row(
          out,
          "texts",
          "%s, of %s tokens"
              .formatted(
                  Words.count(data.training().examples()), Words.count(data.training().tokens())));
    } else {
      row(
          out,
          "tokens",
          "%s, of which %s (%s) are learned"
              .formatted(
                  Words.count(figures.tokens()),
                  Words.count(figures.trained()),
                  Words.percent((double) figures.trained() / figures.tokens())));
    }
    int[] lengths = figures.lengths();
    row(
        out,
        "length",
        "%s to %s tokens; half up to %s, 90 %% up to %s, 95 %% up to %s, 99 %% up to %s"
            .formatted(
                Words.count(lengths[0]),
                Words.count(lengths[5]),
                Words.count(lengths[1]),
                Words.count(lengths[2]),
                Words.count(lengths[3]),
                Words.count(lengths[4])));
    row(
        out,
        "context " + Words.count(context),
        figures.longer() == 0
            ? "every example fits"
            : "%s examples (%s) are longer, and lose %s tokens"
                .formatted(
                    Words.count(figures.longer()),
                    Words.percent((double) figures.longer() / figures.examples()),
                    Words.count(figures.lost())));
    DataSet training = data.training();
    row(
        out,
        settings.get(Settings.PACKING) && !isOfTexts() ? "packed" : "not packed",
        "%s rows, %s padding"
            .formatted(
                Words.count(training.rows().size()), Words.percent(training.paddingShare())));
    if (training.sharedTokens() > 0) {
      long apart = training.tokens() + training.sharedTokens();
      row(
          out,
          "shared",
          "%s places instead of %s (-%s), since turns of a chat share its beginning"
              .formatted(
                  Words.count(training.tokens()),
                  Words.count(apart),
                  Words.percent((double) training.sharedTokens() / apart)));
    }
    row(
        out,
        "duplicates",
        figures.repeated() + figures.nearlyRepeated() == 0
            ? "none"
            : "%s, and %s but for capitals, spaces and punctuation; first: %s"
                .formatted(
                    Words.count(figures.repeated()),
                    Words.count(figures.nearlyRepeated()),
                    figures.firstRepeated()));
    for (String warning : traps()) {
      out.println("warning: " + warning);
    }
  }

  private boolean isOfTexts() {
    return data.method().equals(Optional.of(Method.CONTRASTIVE));
  }

  private static void row(PrintWriter out, String name, String text) {
    out.printf("%-16s%s%n", name, text);
  }

  /// The usual mistakes that were found here.
  private List<String> traps() {
    List<String> traps = new ArrayList<>();
    if (figures.endless() > 0) {
      traps.add(
          "in %s of %s examples no token is learned that ends the text, first %s: generation may not stop"
              .formatted(
                  Words.count(figures.endless()),
                  Words.count(figures.examples()),
                  figures.firstEndless()));
    }
    beginTrap().ifPresent(traps::add);
    for (OddExamples.Oddity oddity : odd) {
      String places =
          oddity.first().stream()
              .limit(PLACES_IN_LINE)
              .map(SourceLine::toString)
              .collect(Collectors.joining(", "));
      traps.add(
          "%s %s: %s (%s%s)"
              .formatted(
                  Words.count(oddity.count()),
                  oddity.count() == 1 ? "example" : "examples",
                  oddity.what(),
                  places,
                  oddity.count() > PLACES_IN_LINE ? ", …" : ""));
    }
    return traps;
  }

  /// Whether texts begin as llama.cpp would begin them.
  private Optional<String> beginTrap() {
    if (tokenizer.bos().isEmpty()) {
      return Optional.empty();
    }
    int begin = tokenizer.bos().getAsInt();
    for (TokenizedExample example : data.sample(LOOKED_AT)) {
      int[] tokens = example.tokens();
      SourceLine place = new SourceLine(example.source(), example.line());
      if (tokens[0] == begin && tokens[1] == begin) {
        return Optional.of(place + " begins with two begin tokens");
      }
      if (tokens[0] != begin && tokenizer.begin().isPresent()) {
        return Optional.of(
            place + " doesn't begin with the begin token, which llama.cpp puts there");
      }
    }
    return Optional.empty();
  }

  /// Some examples as the model sees them.
  void printExamples(PrintWriter out, int count, boolean colour) {
    ShownTokens tokens = new ShownTokens(tokenizer, colour);
    if (isOfTexts()) {
      printTexts(out, count, tokens);
      return;
    }
    for (TokenizedExample example : data.sample(count)) {
      out.println();
      out.printf(
          "%s, %s tokens, %s learned%s%n",
          new SourceLine(example.source(), example.line()),
          Words.count(example.tokens().length),
          Words.count(example.targets()),
          colour ? "" : " (between ⟦ and ⟧)");
      out.println(tokens.of(example));
    }
  }

  private void printTexts(PrintWriter out, int count, ShownTokens tokens) {
    List<PackedRow> rows = data.training().rows();
    int wanted = Math.min(count, rows.size());
    for (int i = 0; i < wanted; i++) {
      List<TokenizedExample> texts = rows.get((int) ((long) i * rows.size() / wanted)).examples();
      TokenizedExample first = texts.getFirst();
      out.printf("%n%s%n", new SourceLine(first.source(), first.line()));
      for (TokenizedExample text : texts) {
        String part = text.judgement().name().toLowerCase(Locale.ROOT);
        out.printf("%-9s%4s tokens  %s%n", part, Words.count(text.places()), tokens.of(text));
      }
    }
  }

  /// Everything, for programs.
  ///
  /// @param shown examples to give with their tokens
  void printJson(PrintWriter out, int shown) throws IOException {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("examples", figures.examples());
    report.put("tokens", figures.tokens());
    report.put("trained_tokens", figures.trained());
    Map<String, Object> lengths = new LinkedHashMap<>();
    List<String> names = List.of("least", "p50", "p90", "p95", "p99", "most");
    for (int i = 0; i < names.size(); i++) {
      lengths.put(names.get(i), figures.lengths()[i]);
    }
    report.put("lengths", lengths);
    report.put("context", settings.get(Settings.CONTEXT));
    report.put("longer_than_context", figures.longer());
    report.put("lost_tokens", figures.lost());
    report.put("rows", data.training().rows().size());
    report.put("padding", data.training().paddingShare());
    report.put("places", data.training().tokens());
    report.put("shared_places", data.training().sharedTokens());
    report.put("duplicates", figures.repeated());
    report.put("near_duplicates", figures.nearlyRepeated());
    report.put("without_end_token", figures.endless());
    data.validation()
        .ifPresent(
            set -> {
              Map<String, Object> validation = new LinkedHashMap<>();
              validation.put("examples", set.examples());
              validation.put("tokens", set.tokens());
              validation.put("trained_tokens", set.targets());
              report.put("validation", validation);
            });
    report.put("odd", odd.stream().map(DataReport::json).toList());
    List<String> warnings = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    for (TrainingEvent event : said) {
      switch (event) {
        case TrainingEvent.Warning(String text) -> warnings.add(text);
        case TrainingEvent.Note(String text) -> notes.add(text);
        default -> {}
      }
    }
    warnings.addAll(traps());
    report.put("warnings", warnings);
    report.put("notes", notes);
    ShownTokens tokens = new ShownTokens(tokenizer, false);
    report.put("shown", data.sample(shown).stream().map(example -> json(example, tokens)).toList());
    JsonMapper mapper = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    out.println(mapper.writeValueAsString(report));
  }

  private static Map<String, Object> json(TokenizedExample example, ShownTokens tokens) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("place", new SourceLine(example.source(), example.line()).toString());
    if (example.judgement().isOfSearch()) {
      json.put("part", example.judgement().name().toLowerCase(Locale.ROOT));
    }
    json.put("text", tokens.of(example));
    json.put("tokens", example.tokens());
    json.put(
        "trained", IntStream.range(0, example.tokens().length).mapToObj(example::trains).toList());
    if (example.isWeighted()) {
      json.put("weights", example.weights());
    }
    return json;
  }

  private static Map<String, Object> json(OddExamples.Oddity oddity) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("what", oddity.what());
    json.put("count", oddity.count());
    json.put("first", oddity.first().stream().map(SourceLine::toString).toList());
    return json;
  }
}

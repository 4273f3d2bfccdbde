package io.lorikeet.train.data;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The texts on which `keep-base` holds a run to its base.
public final class NeutralData {
  /// Tokens of a file that are used at most. The base's last hidden state of each is kept in
  /// memory.
  private static final int MOST_TOKENS = 16_384;

  /// More than the base's own texts have.
  private static final int OWN_TOKENS = 4096;

  private NeutralData() {}

  /// Tokens that a run uses at most.
  public static int mostTokens(TrainingConfig config) {
    return config.find(Settings.NEUTRAL).isPresent() ? MOST_TOKENS : OWN_TOKENS;
  }

  /// The rows of the given file, or of texts that the base writes itself, once.
  ///
  /// @param made where the base's own texts are kept
  /// @throws InvalidInputException when the file can't be used, or there is nothing in it
  public static DataSet load(
      DataSettings settings, TextEncoding encoding, Path made, TrainingListener listener)
      throws IOException {
    Optional<Path> given = settings.find(Settings.NEUTRAL);
    List<TokenizedExample> examples =
        given.isPresent()
            ? first(
                TrainingData.tokenizeAnswers(List.of(given.get()), settings, encoding, listener),
                listener)
            : ofBase(settings, encoding, made, listener);
    int context = settings.get(Settings.CONTEXT);
    int places = examples.stream().mapToInt(TokenizedExample::places).sum();
    int longest = examples.stream().mapToInt(TokenizedExample::places).max().orElseThrow();
    int even = Math.ceilDiv(places, settings.get(Settings.BATCH_SIZE));
    return DataSet.of(examples, Math.clamp(even, longest, context), DataSet.Packing.ROWS);
  }

  private static List<TokenizedExample> first(
      List<TokenizedExample> all, TrainingListener listener) {
    List<TokenizedExample> first = new ArrayList<>();
    int places = 0;
    for (TokenizedExample example : all) {
      places += example.places();
      if (places > MOST_TOKENS && !first.isEmpty()) {
        break;
      }
      first.add(example);
    }
    if (first.size() < all.size()) {
      listener.on(
          new TrainingEvent.Note(
              String.format(
                  Locale.ROOT,
                  "neutral texts: the first %,d of %,d are used, %,d tokens at most",
                  first.size(),
                  all.size(),
                  MOST_TOKENS)));
    }
    return first;
  }

  private static List<TokenizedExample> ofBase(
      DataSettings settings, TextEncoding encoding, Path made, TrainingListener listener)
      throws IOException {
    List<String> texts =
        NeutralTexts.of(
            settings.get(Settings.MODEL),
            made,
            settings.get(Settings.SEED),
            settings.get(Settings.THREADS),
            listener);
    ExampleTokenizer tokenizer =
        new ExampleTokenizer(
            encoding, settings.get(Settings.CONTEXT), TooLong.CUT, TrainOn.ASSISTANT);
    List<TokenizedExample> examples = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      Example example = new Example(new Example.PlainText(texts.get(i)), made.toString(), i + 1);
      examples.addAll(tokenizer.tokenize(example).examples());
    }
    if (examples.isEmpty()) {
      throw new InvalidInputException(
          "keep-base: the base writes no text by itself; give some by --neutral FILE");
    }
    return examples;
  }
}

package io.lorikeet.finetune;

import io.lorikeet.bindings.Beta;
import io.lorikeet.export.AdapterVerifier;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.TextEncoding;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The tokens that a verification compares logits on.
@Beta
public final class VerificationText {
  /// Stands in where there is no data: any text will do, as long as the model is sure of some of it
  /// and not of all.
  private static final String DEFAULT =
      """
      The lorikeet is a small parrot with a tongue like a brush. It eats the nectar of flowers and the juice of \
      soft fruit, and it flies in noisy groups from one tree to the next. In the morning the birds wake before the \
      sun is up. They talk to each other for a while, and then one of them leaves, and all the others follow.
      Once there was a young lorikeet who did not want to follow. She said, "I know a better tree." The others did \
      not believe her, so she flew alone, over the river and past the old mill, until she came to a garden. There \
      stood a tree with more red flowers than she could count: 12 on the lowest branch, 25 on the next, and 37 at \
      the top, which makes 74.
      "What did you find?" her brother asked when she came home in the evening. She did not answer at once. She \
      cleaned her green and blue feathers, looked at the sky, and said: "Tomorrow you may come with me, if you fly \
      quietly." So the next day there were two of them, and a week later the whole flock had moved to the garden. \
      The gardener was surprised, but he liked the colours, and he never again had to buy a clock.
      """;

  /// Fewer tell nothing.
  private static final int FEWEST_TOKENS = 16;

  private VerificationText() {}

  /// Token sequences for [AdapterVerifier], from the first examples of a file.
  ///
  /// @param base the checked base
  /// @param data examples as they are trained on, or null for a text of its own
  /// @throws InvalidInputException if the file is too short
  public static List<int[]> sequences(GgufFile base, @Nullable Path data) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      int most = AdapterVerifier.mostTokens(tokenizer.size());
      int context = Math.min(most, BaseContext.length(base));
      if (data == null) {
        return ownText(tokenizer, context);
      }
      DataSettings settings = DataSettings.of(context);
      TextEncoding encoding = TextEncoding.of(tokenizer, Optional.empty());
      return beginnings(TrainingData.tokenize(List.of(data), settings, encoding, _ -> {}), most)
          .orElseThrow(
              () ->
                  new InvalidInputException(
                      data + " has too few tokens to verify with; give a longer file"));
    }
  }

  /// As [#sequences], for the end of a training run, from its data; a text of its own where that is
  /// too short.
  public static List<int[]> sequencesAfterTraining(GgufFile base, TrainingConfig config)
      throws IOException {
    return sequencesAfterTraining(base, config, Integer.MAX_VALUE);
  }

  /// @param limit tokens in all
  public static List<int[]> sequencesAfterTraining(GgufFile base, TrainingConfig config, int limit)
      throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      int most = Math.min(limit, AdapterVerifier.mostTokens(tokenizer.size()));
      Optional<List<int[]>> own =
          beginnings(
              TrainingData.first(
                  config, TextEncoding.of(tokenizer, config.find(Settings.CHAT_TEMPLATE)), most),
              most);
      return own.isPresent()
          ? own.get()
          : ownText(tokenizer, Math.min(most, BaseContext.length(base)));
    }
  }

  private static List<int[]> ownText(Tokenizer tokenizer, int context) {
    int[] tokens = tokenizer.encode(DEFAULT, true, false);
    return List.of(Arrays.copyOf(tokens, Math.min(tokens.length, context)));
  }

  private static Optional<List<int[]>> beginnings(List<TokenizedExample> examples, int most) {
    List<int[]> sequences = new ArrayList<>();
    int left = most;
    for (TokenizedExample example : examples) {
      int length = Math.min(left, example.places());
      if (length > 0) {
        sequences.add(Arrays.copyOf(example.tokens(), length));
        left -= length;
      }
    }
    return most - left < FEWEST_TOKENS ? Optional.empty() : Optional.of(sequences);
  }
}

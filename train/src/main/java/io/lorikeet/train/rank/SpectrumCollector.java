package io.lorikeet.train.rank;

import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.WeightInputs;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.Shuffle;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Has llama.cpp read examples with the base, on the CPU, and takes what goes into weights at the
/// places that predict tokens with loss.
final class SpectrumCollector {
  /// Places to look at; a hundred for each direction that is usually wanted.
  private static final int PLACES = 2048;

  /// Tokens to read for that at most.
  private static final int MOST_TOKENS = 8192;

  private final GgufFile base;
  private final TrainingConfig config;
  private final Map<String, Integer> counts;
  private final TrainingListener listener;
  private final Map<String, InputSpectrum> spectra = new LinkedHashMap<>();
  private final Map<String, String> leaders = new HashMap<>();
  private final Map<String, Integer> read = new HashMap<>(); // tokens of the example, by weight
  private @Nullable TokenizedExample example; // that is read
  private long tokens;

  /// @param counts directions to find, by weights
  SpectrumCollector(
      GgufFile base,
      TrainingConfig config,
      Map<String, Integer> counts,
      TrainingListener listener) {
    this.base = base;
    this.config = config;
    this.counts = counts;
    this.listener = listener;
  }

  /// The places that were looked at.
  long tokens() {
    return tokens;
  }

  /// The directions by weights; weights that llama.cpp multiplies in other ways are left out.
  ///
  /// @throws IOException when the base can't be read
  Map<String, InputSpectrum.Directions> collect(DataSet data) throws IOException {
    List<TokenizedExample> examples = chosen(data);
    int longest = examples.stream().mapToInt(TokenizedExample::places).max().orElseThrow();
    try (LlamaModel model = ModelLoader.load(base.path(), LlamaModel.Options.CPU);
        WeightInputs inputs = new WeightInputs(counts.keySet(), new Taking());
        LlamaContext context =
            LlamaContext.create(model, longest, longest, config.get(Settings.THREADS), inputs)) {
      int all = InputSpectrum.PASSES * examples.size();
      for (int pass = 0; pass < InputSpectrum.PASSES; pass++) {
        for (int i = 0; i < examples.size(); i++) {
          listener.on(
              new TrainingEvent.Progress("directions of inputs", pass * examples.size() + i, all));
          TokenizedExample next = examples.get(i);
          example = next;
          read.clear();
          context.clear();
          int[] given = Arrays.copyOf(next.tokens(), next.places());
          // With the logits of all tokens, or the last layer would compute only the last one's.
          context.forEachLogits(given, (_, _) -> {});
          inputs.check();
        }
        if (pass + 1 < InputSpectrum.PASSES) {
          spectra.values().forEach(InputSpectrum::endPass);
        }
      }
      listener.on(new TrainingEvent.Progress("directions of inputs", all, all));
    }
    Map<String, InputSpectrum.Directions> directions = new HashMap<>();
    Map<String, InputSpectrum.Directions> found = new HashMap<>();
    spectra.forEach((name, spectrum) -> directions.put(name, spectrum.finish()));
    leaders.forEach((name, leader) -> found.put(name, directions.get(leader)));
    return found;
  }

  /// The seed draws which, as many as are enough.
  private List<TokenizedExample> chosen(DataSet data) {
    List<TokenizedExample> chosen = new ArrayList<>();
    long places = 0;
    for (int number : Shuffle.order(data.examples(), config.get(Settings.SEED), 0)) {
      TokenizedExample next = data.example(number);
      if (chosen.isEmpty() || tokens < PLACES && places + next.places() <= MOST_TOKENS) {
        chosen.add(next);
        tokens += next.targets();
        places += next.places();
      }
    }
    return chosen;
  }

  private final class Taking implements WeightInputs.Consumer {
    @Override
    public void accept(String weight, float[] rows, int width) {
      leaders.put(weight, weight);
      // Weights with the same input may want more directions than this one.
      int most = counts.values().stream().mapToInt(count -> count).max().orElseThrow();
      InputSpectrum spectrum =
          spectra.computeIfAbsent(
              weight, name -> new InputSpectrum(width, Math.min(width, most), seed(name)));
      int first = read.getOrDefault(weight, 0);
      int count = rows.length / width;
      for (int i = 0; i < count; i++) {
        if (Objects.requireNonNull(example).trains(first + i + 1)) {
          spectrum.add(rows, i * width);
        }
      }
      read.put(weight, first + count);
    }

    @Override
    public void same(String weight, String as) {
      leaders.put(weight, as);
    }

    private long seed(String weight) {
      return config.get(Settings.SEED) + weight.hashCode();
    }
  }
}

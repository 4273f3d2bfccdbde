package io.lorikeet.train.data;

import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.ReplaySource;
import java.util.ArrayList;
import java.util.List;

/// How much of old data is mixed into the new.
final class Replay {
  private Replay() {}

  /// The sources of a corpus, those of old data last and with the weights that make up their
  /// shares.
  ///
  /// @param trained the examples that are trained on
  /// @param sources of the new data, with weights of their own
  static List<DataSource> weighted(
      Corpus corpus, int[] trained, List<DataSource> sources, List<ReplaySource> replays) {
    if (replays.isEmpty()) {
      return sources;
    }
    long[] examples = new long[sources.size() + replays.size()];
    for (int index : trained) {
      examples[corpus.source(index)] += corpus.isFirst(index) ? 1 : 0;
    }
    double fresh = 0;
    for (int i = 0; i < sources.size(); i++) {
      fresh += sources.get(i).weight() * examples[i];
    }
    double left = 1 - replays.stream().mapToDouble(ReplaySource::share).sum();
    List<DataSource> all = new ArrayList<>(sources);
    for (ReplaySource replay : replays) {
      double wanted = replay.share() / left * fresh;
      DataSource source = replay.source();
      double weight = wanted / Math.max(1, examples[all.size()]);
      all.add(new DataSource(source.path(), DataSource.clamp(weight), source.format()));
    }
    return all;
  }
}

package io.lorikeet.train.data;

import io.lorikeet.train.data.files.SourceLine;
import java.util.Arrays;
import java.util.List;

/// The tokenized examples of several sources, one after the other.
final class Corpus implements AutoCloseable {
  private final List<TokenStore> stores;
  private final int[] starts;

  Corpus(List<TokenStore> stores) {
    this.stores = List.copyOf(stores);
    starts = new int[stores.size() + 1];
    for (int i = 0; i < stores.size(); i++) {
      starts[i + 1] = Math.addExact(starts[i], stores.get(i).size());
    }
  }

  /// Number of tokenized examples.
  int size() {
    return starts[stores.size()];
  }

  /// The number of the source that an example comes from.
  int source(int index) {
    int found = Arrays.binarySearch(starts, index);
    if (found < 0) {
      return -found - 2;
    }
    while (starts[found + 1] == index) {
      found++; // of sources without examples the last begins where the next does
    }
    return found;
  }

  int places(int index) {
    int source = source(index);
    return stores.get(source).places(index - starts[source]);
  }

  int targets(int index) {
    int source = source(index);
    return stores.get(source).targets(index - starts[source]);
  }

  /// See [TokenStore#judgement].
  Judgement judgement(int index) {
    int source = source(index);
    return stores.get(source).judgement(index - starts[source]);
  }

  /// See [TokenizedExample#isWeighted].
  boolean isWeighted(int index) {
    int source = source(index);
    return stores.get(source).isWeighted(index - starts[source]);
  }

  /// See [TokenStore#near].
  long near(int index) {
    int source = source(index);
    return stores.get(source).near(index - starts[source]);
  }

  /// See [TokenStore#exact].
  long exact(int index) {
    int source = source(index);
    return stores.get(source).exact(index - starts[source]);
  }

  /// See [TokenStore#wholeLength].
  int wholeLength(int index) {
    int source = source(index);
    return stores.get(source).wholeLength(index - starts[source]);
  }

  SourceLine place(int index) {
    int source = source(index);
    return stores.get(source).place(index - starts[source]);
  }

  /// Whether a tokenized example is the first of its example, rather than a further piece.
  boolean isFirst(int index) {
    int source = source(index);
    int within = index - starts[source];
    TokenStore store = stores.get(source);
    return within == 0 || store.example(within) != store.example(within - 1);
  }

  TokenizedExample get(int index) {
    int source = source(index);
    return stores.get(source).get(index - starts[source]);
  }

  @Override
  public void close() {
    stores.forEach(TokenStore::close);
  }
}

package io.lorikeet.train.data;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.PreferenceSettings;
import io.lorikeet.train.settings.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Predicate;

/// Whether data is made of examples, of pairs, of answers with labels or of queries with passages,
/// and what learns from it.
final class Judgements {
  private static final int MOST_NAMED = 20;
  private static final Optional<Method> DPO = Optional.of(Method.DPO);

  private final List<Corpus> corpora;

  private Judgements(List<Corpus> corpora) {
    this.corpora = corpora;
  }

  /// How data is learned from.
  ///
  /// @param corpora all of a run, the training examples first
  /// @param listener told what was recognized
  /// @return empty for cross-entropy on examples
  /// @throws InvalidInputException when the data or another setting doesn't fit the method
  static Optional<Method> method(
      DataSettings settings, List<Corpus> corpora, TrainingListener listener) {
    Judgements all = new Judgements(corpora);
    Optional<Method> given = settings.find(Settings.METHOD);
    Optional<Method> method = given.or(all::recognized);
    PreferenceSettings.requireUsed(settings.config(), method);
    if (method.isEmpty()) {
      if (all.has(judgement -> judgement == Judgement.BAD)) {
        listener.on(
            new TrainingEvent.Warning(
                "answers that the data labels false are learned like the others; --method kto"
                    + " unlearns them"));
      }
      return method;
    }
    if (method.get() == Method.CONTRASTIVE) {
      all.require(
          Judgement::isOfSearch, "no query with a passage, which contrastive learning learns from");
      if (given.isEmpty()) {
        listener.on(
            new TrainingEvent.Note(
                "queries with their passages: embeddings are learned (--method contrastive)"));
      }
      return method;
    }
    if (method.get().takesPairs()) {
      all.require(
          Judgement::isOfPair,
          "no pair of a chosen and a rejected answer, which %s learns from"
              .formatted(method.get().title()));
    } else {
      all.require(
          judgement -> judgement != Judgement.NONE && !judgement.isOfSearch(),
          "no label, true or false, which KTO learns from");
    }
    all.requireWhole(method.get());
    if (given.isEmpty()) {
      listener.on(
          new TrainingEvent.Note(
              "pairs of a chosen and a rejected answer: learned by DPO; --method chooses ipo, simpo"
                  + " or orpo"));
    }
    return method;
  }

  private Optional<Method> recognized() {
    if (has(Judgement::isOfSearch)) {
      return Optional.of(Method.CONTRASTIVE);
    }
    return has(Judgement::isOfPair) ? DPO : Optional.empty();
  }

  /// Refuses a single answer where a method compares each with another.
  ///
  /// @param sets the rows to train on, and those that are measured
  /// @throws InvalidInputException when one of them has less than two examples
  static void requireOthers(Optional<Method> method, List<DataSet> sets) {
    boolean tooFew = sets.stream().anyMatch(set -> set.examples() < 2);
    if (method.equals(Optional.of(Method.KTO)) && tooFew) {
      throw new InvalidInputException(
          "KTO compares answers with those to other prompts; one example is too few to train on or"
              + " to measure");
    }
  }

  private boolean has(Predicate<Judgement> which) {
    for (Corpus corpus : corpora) {
      for (int i = 0; i < corpus.size(); i++) {
        if (which.test(corpus.judgement(i))) {
          return true;
        }
      }
    }
    return false;
  }

  private void requireWhole(Method method) {
    require(
        (corpus, index) -> !corpus.isWeighted(index),
        "a message of another weight than 0 or 1, which %s can't learn from"
            .formatted(method.title()));
  }

  private void require(Predicate<Judgement> fits, String lack) {
    require((corpus, index) -> fits.test(corpus.judgement(index)), lack);
  }

  /// @param fits whether a corpus has what is needed at an index
  private void require(BiPredicate<Corpus, Integer> fits, String lack) {
    List<String> places = new ArrayList<>();
    int count = 0;
    for (Corpus corpus : corpora) {
      for (int i = 0; i < corpus.size(); i++) {
        if (!fits.test(corpus, i) && corpus.isFirst(i)) {
          if (count++ < MOST_NAMED) {
            places.add(corpus.place(i) + ": " + lack);
          }
        }
      }
    }
    if (count > 0) {
      throw new InvalidInputException(
          String.join("\n", places)
              + String.format(
                  Locale.ROOT,
                  "\n%,d example%s can't be learned by this method",
                  count,
                  count == 1 ? "" : "s"));
    }
  }
}

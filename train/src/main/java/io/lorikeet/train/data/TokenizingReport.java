package io.lorikeet.train.data;

import io.lorikeet.train.data.Tokenized.ChatRemark;
import io.lorikeet.train.data.Tokenized.Fate;
import io.lorikeet.train.data.files.SourceLine;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Counts what tokenizing did to examples, and says it.
final class TokenizingReport {
  private final Map<Fate, Integer> fates = new EnumMap<>(Fate.class);
  private final Map<ChatRemark, Integer> remarks = new EnumMap<>(ChatRemark.class);
  private final TextEncoding encoding;
  private final int context;
  private final TooLong tooLong;
  private int pieces;
  private int withControlNames;
  private @Nullable SourceLine firstControlName;
  private long unknown;
  private @Nullable SourceLine firstUnknown;

  TokenizingReport(TextEncoding encoding, int context, TooLong tooLong) {
    this.encoding = encoding;
    this.context = context;
    this.tooLong = tooLong;
  }

  void add(SourceLine place, Tokenized result) {
    fates.merge(result.fate(), 1, Integer::sum);
    result.remarks().forEach(remark -> remarks.merge(remark, 1, Integer::sum));
    pieces += result.fate() == Fate.DIVIDED ? result.examples().size() : 0;
    if (result.spellsControl() && withControlNames++ == 0) {
      firstControlName = place;
    }
    if (result.unknown() > 0) {
      firstUnknown = unknown == 0 ? place : firstUnknown;
      unknown += result.unknown();
    }
  }

  /// Examples with this fate.
  int count(Fate fate) {
    return fates.getOrDefault(fate, 0);
  }

  /// Examples left out since they are longer than the context, or their prompt fills it.
  int tooLong() {
    return count(Fate.DROPPED) + count(Fate.PROMPT_TOO_LONG);
  }

  /// Which examples were left out, and why.
  List<String> leftOut() {
    String places = places();
    List<String> left = new ArrayList<>();
    add(left, count(Fate.DROPPED), "longer than " + places + ": left out");
    add(
        left,
        count(Fate.PROMPT_TOO_LONG),
        tooLong == TooLong.CUT_LEFT
            ? "left out: nothing to learn is left in " + places
            : "left out: their prompt alone fills " + places);
    int silent = count(ChatRemark.NONE_TRAINED);
    int asking = count(ChatRemark.NO_COMPLETION);
    int calling = count(ChatRemark.CALLS_LEFT_OUT);
    add(left, silent, "left out: whatever the assistant says in it has weight 0, or train false");
    add(
        left,
        asking,
        "left out: --train-on completion learns what follows the user's last message, and nothing"
            + " does");
    add(
        left,
        calling,
        "left out: the chat template leaves out the calls of tools, and nothing else is to be"
            + " learned");
    int thoughtless = count(ChatRemark.WITHOUT_THOUGHTS);
    add(left, thoughtless, "left out: --train-on thoughts learns thoughts, and none are in it");
    int others = count(Fate.NOTHING_TO_LEARN) - silent - asking - calling - thoughtless;
    add(left, others, "left out: no token in it is to be learned");
    return left;
  }

  private int count(ChatRemark remark) {
    return remarks.getOrDefault(remark, 0);
  }

  private String places() {
    return String.format(Locale.ROOT, "the context of %,d tokens", context);
  }

  /// Reports the examples that were cut, left out and divided.
  void report(TrainingListener listener) {
    String places = places();
    String lost =
        tooLong == TooLong.CUT_LEFT
            ? ": their beginning is cut off"
            : ": their end is cut off, the end token with it";
    warn(listener, count(Fate.CUT), "longer than " + places + lost);
    for (String left : leftOut()) {
      listener.on(new TrainingEvent.Warning(left));
    }
    warn(
        listener,
        withControlNames,
        "spelling special tokens of the base, first at "
            + firstControlName
            + ": they are learned as plain text, not as these tokens");
    if (unknown > 0) {
      String text =
          "%,d character%s that the base's vocabulary can't spell, first at %s: learned as its"
              + " unknown token";
      listener.on(
          new TrainingEvent.Warning(
              String.format(Locale.ROOT, text, unknown, unknown == 1 ? "" : "s", firstUnknown)));
    }
    reportChats(listener);
    if (encoding.end().isEmpty()) {
      listener.on(
          new TrainingEvent.Warning(
              "the base names no end token (tokenizer.ggml.eos_token_id): none is learned, and"
                  + " generation won't stop by itself"));
    }
    int divided = count(Fate.DIVIDED);
    if (divided > 0) {
      String text = "%,d example%s divided into %,d pieces that fill " + places;
      listener.on(
          new TrainingEvent.Note(
              String.format(Locale.ROOT, text, divided, divided == 1 ? "" : "s", pieces)));
    }
  }

  private void reportChats(TrainingListener listener) {
    int separate = count(ChatRemark.SEPARATE_TURNS);
    if (separate > 0) {
      listener.on(
          new TrainingEvent.Note(
              String.format(
                  Locale.ROOT,
                  "%,d chat%s trained on turn by turn: a server's prompt for a later turn doesn't"
                      + " begin with the turns before it as they were written",
                  separate,
                  separate == 1 ? "" : "s")));
    }
    warn(
        listener,
        count(ChatRemark.ASSUMED_TEMPLATE),
        "written as ChatML: the base has no chat template, and llama.cpp's server takes ChatML then;"
            + " --chat-template names another");
    warn(
        listener,
        count(ChatRemark.NO_END_OF_TURN),
        "whose turns the chat template ends with no token that stops generation: the end token of"
            + " the base is put there");
    warn(
        listener,
        count(ChatRemark.OTHER_PROMPT),
        "with a turn that doesn't begin with the prompt that a server gives for it: the chat"
            + " template writes it otherwise afterwards");
    warn(
        listener,
        count(ChatRemark.NO_THOUGHTS),
        "whose thoughts aren't learned: the chat template leaves them out, or a server's prompt"
            + " doesn't ask for any");
  }

  private static void warn(TrainingListener listener, int count, String text) {
    List<String> said = new ArrayList<>();
    add(said, count, text);
    said.forEach(warning -> listener.on(new TrainingEvent.Warning(warning)));
  }

  private static void add(List<String> said, int count, String text) {
    if (count > 0) {
      said.add(
          (count == 1 ? "1 example " : String.format(Locale.ROOT, "%,d examples ", count)) + text);
    }
  }
}

package io.lorikeet.finetune.serving;

import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.models.text.template.ServedTemplate;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Consumer;

/// Whether a running server does with an adapter what it was trained to do. It has to read text as
/// the same tokens, to write chats with the same template, and to give the same log probabilities.
/// Where it doesn't, the scale is sought at which the adapter would explain what it gives.
///
/// The probabilities are held against llama.cpp's in this process, which `verify` holds against the
/// trainer's.
///
/// @param findings in the order in which they were made
public record ServerProof(List<Finding> findings) {
  private static final String TEXT = "The lorikeet says: 12 red flowers, 3 trees!\nAnd a river.";
  private static final int LISTED = 20; // tokens of which log probabilities are compared
  private static final int PLACES = 32;
  private static final int FIRST_PLACE = 4; // there is little to predict by before
  private static final int BEFORE_INVOCATION = 4; // places at which the base answers alone

  /// Scales that people set by mistake, besides those that the server names.
  private static final List<Double> SCALES = List.of(0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0);

  /// Differences that rounding explains: nats, weighted by probability. Servers keep keys and
  /// values in F16.
  private static final double ROUNDING = 0.02;

  /// Or this share of the adapter's effect.
  private static final double SHARE = 0.1;

  /// So many times nearer is no chance.
  private static final double CLEARLY = 3;

  public ServerProof {
    findings = List.copyOf(findings);
  }

  /// The result of one comparison.
  ///
  /// @param differs whether the server does it otherwise
  public record Finding(String subject, boolean differs, String words) {
    private static Finding of(String subject, boolean differs, String format, Object... values) {
      return new Finding(subject, differs, String.format(Locale.ROOT, format, values));
    }
  }

  /// Whether nothing differs.
  public boolean passes() {
    return findings.stream().noneMatch(Finding::differs);
  }

  /// The likeliest tokens after the first tokens of a sequence, with their log probabilities.
  private record Place(int[] sequence, int tokens, Map<Integer, Double> next) {}

  /// Asks a server.
  ///
  /// @param chatTemplate instead of the one that the adapter was trained with
  /// @param sequences given tokens
  /// @param threads CPU threads
  /// @param progress told how far it is
  public static ServerProof of(
      LlamaServer server,
      Path base,
      Path adapter,
      Optional<String> chatTemplate,
      List<int[]> sequences,
      int threads,
      Consumer<String> progress)
      throws IOException {
    List<Finding> findings = new ArrayList<>();
    try (LlamaModel model = ModelLoader.load(base, LlamaModel.Options.CPU)) {
      LlamaVocabulary vocabulary = model.vocabulary();
      findings.add(tokens(server, vocabulary, false));
      if (!findings.getFirst().differs()) {
        findings.add(tokens(server, vocabulary, true));
      }
      template(server, base, adapter, chatTemplate, vocabulary).ifPresent(findings::add);
      List<LlamaServer.Loaded> loaded = server.adapters().orElse(List.of());
      findings.add(loaded(loaded));
      if (findings.getFirst().differs()) {
        return new ServerProof(findings); // the same tokens mean something else there
      }
      Optional<Invocation> invocation = AdapterFile.invocation(adapter);
      List<Place> places = ask(server, sequences, invocation, true, progress);
      if (places.stream()
          .flatMap(place -> place.next().keySet().stream())
          .anyMatch(token -> token < 0 || token >= vocabulary.size())) {
        findings.add(Finding.of("vocabulary", true, "the server's is larger: it has another base"));
        return new ServerProof(findings);
      }
      try (Probabilities own = new Probabilities(model, adapter, longest(places), threads)) {
        Finding finding = probabilities(places, own, loaded);
        if (finding.differs()
            && !probabilities(ask(server, sequences, invocation, false, progress), own, loaded)
                .differs()) {
          finding =
              Finding.of(
                  "log probabilities",
                  true,
                  "only without its prompt cache are they those of base and adapter: it holds what"
                      + " was computed with another adapter");
        }
        findings.add(finding);
      }
    }
    return new ServerProof(findings);
  }

  private static Finding tokens(LlamaServer server, LlamaVocabulary vocabulary, boolean special)
      throws IOException {
    int[] own = vocabulary.tokenize(TEXT, special, false);
    int[] theirs = server.tokens(TEXT, special);
    boolean differs = !Arrays.equals(own, theirs);
    return special
        ? Finding.of(
            "begin token",
            differs,
            differs
                ? "the server begins a text with %s, the base with %s"
                : "the server begins a text with %s",
            first(theirs, server.tokens(TEXT, false)),
            first(own, vocabulary.tokenize(TEXT, false, false)))
        : Finding.of(
            "vocabulary",
            differs,
            differs
                ? "the server reads the same text as other tokens: it has another base"
                : "same");
  }

  /// The tokens before a text's own.
  private static String first(int[] all, int[] text) {
    int more = Math.max(0, all.length - text.length);
    return more == 0 ? "no token" : "token " + Arrays.toString(Arrays.copyOf(all, more));
  }

  private static Optional<Finding> template(
      LlamaServer server,
      Path base,
      Path adapter,
      Optional<String> chatTemplate,
      LlamaVocabulary vocabulary)
      throws IOException {
    Optional<TrainedTemplate> trained = AdapterFile.template(adapter);
    try (GgufFile file = GgufFile.openHeader(base)) {
      if (chatTemplate.isEmpty()
          && trained.isEmpty()
          && ChatTemplates.of(file.metadata(), "").own().isEmpty()) {
        return Optional.empty(); // neither side writes chats
      }
      String own =
          ServedTemplate.of(
                  TemplateChoice.of(file, chatTemplate, trained.stream().toList()),
                  Optional.empty(),
                  vocabulary)
              .render(Conversation.of(Conversation.Message.of("user", TEXT)), true)
              .text();
      Optional<String> theirs = server.prompt(TEXT);
      if (theirs.isEmpty()) {
        return Optional.of(
            Finding.of("chat template", false, "not compared: the server has no /apply-template"));
      }
      boolean differs = !own.equals(theirs.get());
      return Optional.of(
          Finding.of(
              "chat template",
              differs,
              differs ? "the server writes %s, training wrote %s" : "same",
              escaped(theirs.get()),
              escaped(own)));
    }
  }

  private static String escaped(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\"", "\\\"") + '"';
  }

  private static Finding loaded(List<LlamaServer.Loaded> loaded) {
    return Finding.of(
        "adapters",
        false,
        loaded.isEmpty()
            ? "the server names none"
            : String.join(
                ", ",
                loaded.stream()
                    .map(one -> one.path() + " with scale " + (float) one.scale())
                    .toList()));
  }

  /// Each sequence is asked from its long prompts to its short ones, because a server drops what it
  /// holds behind a shorter prompt. So all answers come out of its cache, if it had the sequence.
  /// At last it holds the longest prompt, for the next proof. Places where it lists nothing are
  /// left out.
  ///
  /// An activated adapter is asked about from a little before its invocation on. Prompts that end
  /// within that are left out, too: for them the server takes what the adapter did in a longer one.
  private static List<Place> ask(
      LlamaServer server,
      List<int[]> given,
      Optional<Invocation> invocation,
      boolean cached,
      Consumer<String> progress)
      throws IOException {
    List<Place> places = new ArrayList<>();
    for (int[] tokensGiven : given) {
      int[] sequence = invocation.map(one -> acted(tokensGiven, one)).orElse(tokensGiven);
      int acts = invocation.map(one -> one.firstAdapted(sequence)).orElse(0);
      int whole = acts + 1 + invocation.map(one -> one.tokens().size()).orElse(0);
      int shortest = Math.min(Math.max(FIRST_PLACE, acts - BEFORE_INVOCATION), sequence.length);
      int longest = Math.min(sequence.length, shortest + PLACES - places.size() - 1);
      for (int tokens = longest; tokens >= shortest; tokens--) {
        if (tokens > acts + 1 && tokens < whole) {
          continue;
        }
        int[] prompt = Arrays.copyOf(sequence, tokens);
        Map<Integer, Double> next = server.next(prompt, LISTED, cached);
        if (!next.isEmpty()) {
          places.add(new Place(sequence, tokens, next));
        }
        progress.accept("server: " + places.size() + " of at most " + PLACES + " places");
      }
      if (longest > shortest) {
        server.next(Arrays.copyOf(sequence, longest), LISTED, cached);
      }
    }
    if (places.isEmpty()) {
      throw new InvalidInputException(
          "server: %s gives no log probabilities; a llama-server does".formatted(server.address()));
    }
    return places;
  }

  /// A sequence that an activated adapter acts in.
  private static int[] acted(int[] given, Invocation invocation) {
    return invocation.firstAdapted(given) == Invocation.NEVER
        ? invocation.within(Arrays.copyOf(given, Math.min(2 * PLACES, given.length)))
        : given;
  }

  private static int longest(List<Place> places) {
    return places.stream().mapToInt(Place::tokens).max().orElseThrow();
  }

  private static Finding probabilities(
      List<Place> places, Probabilities own, List<LlamaServer.Loaded> loaded) {
    double effect = own.effect(places);
    double right = own.distance(places, 1);
    double limit = Math.max(ROUNDING, SHARE * effect);
    TreeSet<Double> scales = new TreeSet<>(SCALES);
    loaded.forEach(one -> scales.add(one.scale()));
    double best = 1;
    double least = right;
    for (double scale : right <= SHARE * effect ? List.<Double>of() : scales) {
      double distance = own.distance(places, scale);
      if (distance < least) {
        best = scale;
        least = distance;
      }
    }
    boolean explained = least < right / CLEARLY; // by another scale, however small the effect
    if (right <= limit && !explained) {
      return effect <= limit
          ? Finding.of(
              "log probabilities",
              false,
              "those of the base; on these tokens the adapter changes too little to tell (%.3g nats)",
              effect)
          : Finding.of(
              "log probabilities",
              false,
              "those of base and adapter: they differ by %.3g nats, the adapter changes %.3g",
              right,
              effect);
    }
    String measured =
        String.format(
            Locale.ROOT,
            "they differ by %.3g nats from those of base and adapter, which changes %.3g",
            right,
            effect);
    if (least > limit) {
      return Finding.of(
          "log probabilities",
          true,
          "%s, and at no scale of it are they near: the base or the adapter is another one",
          measured);
    }
    return best == 0
        ? Finding.of("log probabilities", true, "%s: the server doesn't apply it", measured)
        : Finding.of(
            "log probabilities",
            true,
            "%s: the server applies it with scale %s",
            measured,
            (float) best);
  }

  /// Log probabilities in this process.
  private static final class Probabilities implements AutoCloseable {
    private final LlamaContext context;
    private final LlamaAdapter adapter;

    Probabilities(LlamaModel model, Path file, int longest, int threads) {
      adapter = LlamaAdapter.load(model, file);
      context = LlamaContext.create(model, longest, longest, threads);
    }

    /// Mean difference of the listed log probabilities, weighted by the server's probabilities, in
    /// nats.
    double distance(List<Place> places, double scale) {
      return apart(places, at(places, scale), places.stream().map(Place::next).toList());
    }

    /// The same between base and adapter.
    double effect(List<Place> places) {
      return apart(places, at(places, 1), at(places, 0));
    }

    private static double apart(
        List<Place> places, List<Map<Integer, Double>> a, List<Map<Integer, Double>> b) {
      double sum = 0;
      for (int i = 0; i < places.size(); i++) {
        for (Map.Entry<Integer, Double> one : places.get(i).next().entrySet()) {
          int token = one.getKey();
          double difference = probability(a.get(i), token) - probability(b.get(i), token);
          sum += Math.exp(one.getValue()) * Math.abs(difference);
        }
      }
      return sum / places.size();
    }

    private static double probability(Map<Integer, Double> logs, int token) {
      return Objects.requireNonNull(logs.get(token), "it has the tokens that the server lists");
    }

    /// Log probabilities of the tokens that the server lists at each place.
    private List<Map<Integer, Double>> at(List<Place> places, double scale) {
      context.setAdapters(adapter.scaledBy((float) scale));
      List<Map<Integer, Double>> all = new ArrayList<>();
      for (Place place : places) {
        int[] prompt = Arrays.copyOf(place.sequence(), place.tokens());
        context.clear();
        context.activate(prompt);
        context.decode(prompt);
        all.add(listed(context.logits(), place));
      }
      return all;
    }

    private static Map<Integer, Double> listed(float[] logits, Place place) {
      double largest = Double.NEGATIVE_INFINITY;
      for (float logit : logits) {
        largest = Math.max(largest, logit);
      }
      double sum = 0;
      for (float logit : logits) {
        sum += Math.exp(logit - largest);
      }
      double logSum = largest + Math.log(sum);
      Map<Integer, Double> listed = new HashMap<>();
      place.next().keySet().forEach(token -> listed.put(token, logits[token] - logSum));
      return listed;
    }

    @Override
    public void close() {
      context.close();
      adapter.close();
    }
  }
}

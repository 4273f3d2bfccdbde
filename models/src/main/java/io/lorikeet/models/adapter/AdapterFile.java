package io.lorikeet.models.adapter;

import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A LoRA adapter read from a GGUF file, Lorikeet's own or any other that llama.cpp loads.
///
/// @param adapter the adapter, checked against its base where there was one to check against
/// @param base the base it was made for, as far as the file says
/// @param training the settings it was made with, as [AdapterMetadata] has them; empty for other
///     programs' adapters
/// @param template the chat template it was trained with, where the file says so
public record AdapterFile(
    LoraAdapter adapter,
    Optional<BaseIdentity> base,
    Map<String, String> training,
    Optional<TrainedTemplate> template) {

  public AdapterFile {
    training = Collections.unmodifiableMap(new LinkedHashMap<>(training));
  }

  /// Whether the file says which base it was made for.
  public boolean recorded() {
    return base.isPresent();
  }

  /// Reads and checks an adapter.
  ///
  /// @param file the adapter
  /// @param base the base it shall be used with; its whole file is read where the adapter names its
  ///     hash
  /// @throws InvalidInputException when it isn't a LoRA adapter for this base: another base's hash
  ///     or architecture; weights that the base lacks; halves of pairs; other shapes; numbers that
  ///     aren't finite. All such weights are named at once
  /// @throws IOException when a file can't be read
  public static AdapterFile read(Path file, GgufFile base) throws IOException {
    return read(file, base, OtherBase.REFUSED);
  }

  /// As [#read(Path, GgufFile)], for a command with the option `--force`.
  ///
  /// @param force takes an adapter that was made for a base of another hash, if all else fits
  public static AdapterFile read(Path file, GgufFile base, boolean force) throws IOException {
    return read(file, base, force ? OtherBase.TAKEN : OtherBase.TAKEN_BY_FORCE);
  }

  private enum OtherBase {
    REFUSED,
    TAKEN_BY_FORCE,
    TAKEN
  }

  /// The chat template that an adapter was trained with, without reading its weights.
  ///
  /// @throws IOException when the file can't be read
  public static Optional<TrainedTemplate> template(Path file) throws IOException {
    try (GgufFile gguf = GgufFile.openHeader(file)) {
      return template(gguf.metadata());
    }
  }

  /// The tokens that an adapter acts from, without reading its weights; empty for one that always
  /// acts.
  ///
  /// @throws IOException when the file can't be read
  public static Optional<Invocation> invocation(Path file) throws IOException {
    try (GgufFile gguf = GgufFile.openHeader(file)) {
      return invocation(gguf.metadata());
    }
  }

  /// Whether an adapter was trained for embeddings rather than answers, without reading its
  /// weights.
  ///
  /// @throws IOException when the file can't be read
  public static boolean isForEmbeddings(Path file) throws IOException {
    try (GgufFile gguf = GgufFile.openHeader(file)) {
      return gguf.metadata()
          .string(AdapterKeys.TRAINING_PREFIX + "method")
          .filter("contrastive"::equals)
          .isPresent();
    }
  }

  private static AdapterFile read(Path file, GgufFile base, OtherBase other) throws IOException {
    try (GgufFile gguf = GgufFile.open(file)) {
      GgufMetadata metadata = gguf.metadata();
      requireLora(file, metadata);
      Optional<String> hash = metadata.string(AdapterKeys.BASE_HASH);
      if (hash.isPresent() && other != OtherBase.TAKEN) {
        requireSameBase(file, metadata, hash.get(), base, other);
      }
      String architecture = metadata.requireString(AdapterKeys.ARCHITECTURE);
      String expected = base.metadata().requireString(AdapterKeys.ARCHITECTURE);
      if (!architecture.equals(expected)) {
        throw new InvalidInputException(
            file
                + " is for the architecture "
                + architecture
                + ", but "
                + base.path()
                + " is "
                + expected
                + ". Give the base it was trained on");
      }
      List<String> problems = new ArrayList<>();
      List<LoraPair> pairs = new AdapterPairs(gguf, problems).read(base);
      checkInvocation(metadata, base, problems);
      return finish(gguf, pairs, problems, file + " doesn't fit " + base.path());
    }
  }

  /// Reads an adapter without its base, and checks what can be checked then.
  ///
  /// @throws InvalidInputException when it isn't a LoRA adapter: halves of pairs; shapes that don't
  ///     fit together; numbers that aren't finite. All such weights are named at once
  /// @throws IOException when the file can't be read
  public static AdapterFile read(Path file) throws IOException {
    try (GgufFile gguf = GgufFile.open(file)) {
      requireLora(file, gguf.metadata());
      List<String> problems = new ArrayList<>();
      List<LoraPair> pairs = new AdapterPairs(gguf, problems).read();
      return finish(gguf, pairs, problems, file + " is no complete adapter");
    }
  }

  private static AdapterFile finish(
      GgufFile gguf, List<LoraPair> pairs, List<String> problems, String summary) {
    GgufMetadata metadata = gguf.metadata();
    float alpha = alpha(metadata, pairs, problems);
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(summary, problems);
    }
    LoraAdapter adapter =
        new LoraAdapter(
            metadata.requireString(AdapterKeys.ARCHITECTURE), alpha, pairs, invocation(metadata));
    requireUnchanged(gguf.path(), metadata, adapter);
    return new AdapterFile(adapter, base(metadata), training(metadata), template(metadata));
  }

  /// The proof computes with these tokens.
  private static void checkInvocation(GgufMetadata metadata, GgufFile base, List<String> problems) {
    long rows =
        base.tensor("token_embd.weight").map(t -> t.elements() / t.shape().getFirst()).orElse(0L);
    invocation(metadata).stream()
        .flatMap(invocation -> invocation.tokens().stream())
        .filter(token -> token < 0 || token >= rows)
        .forEach(
            token ->
                problems.add(
                    "%s names the token %s, and the base has %s tokens"
                        .formatted(AdapterKeys.INVOCATION_TOKENS, token, rows)));
  }

  /// The tokens that an adapter with this metadata acts from; empty for one that always does.
  /// llama.cpp takes an empty list for none.
  public static Optional<Invocation> invocation(GgufMetadata metadata) {
    List<Integer> tokens =
        metadata.ints(AdapterKeys.INVOCATION_TOKENS).stream()
            .flatMapToInt(Arrays::stream)
            .boxed()
            .toList();
    return tokens.isEmpty() ? Optional.empty() : Optional.of(new Invocation(tokens));
  }

  private static Optional<BaseIdentity> base(GgufMetadata metadata) {
    return metadata
        .string(AdapterKeys.BASE_HASH)
        .map(
            hash ->
                new BaseIdentity(
                    hash,
                    metadata.string(AdapterKeys.BASE_NAME).orElse(""),
                    metadata.string(AdapterKeys.BASE_QUANTIZATION).orElse(""),
                    metadata.string(AdapterKeys.BASE_TOKENIZER).orElse(""),
                    BasePapers.ofAdapter(metadata)));
  }

  private static Optional<TrainedTemplate> template(GgufMetadata metadata) {
    return metadata
        .string(AdapterKeys.TEMPLATE)
        .map(
            text ->
                new TrainedTemplate(
                    metadata.string(AdapterKeys.TEMPLATE_ORIGIN).orElse("a chat template"), text));
  }

  private static Map<String, String> training(GgufMetadata metadata) {
    Map<String, String> training = new LinkedHashMap<>();
    for (String key : metadata.keys()) {
      if (key.startsWith(AdapterKeys.TRAINING_PREFIX)) {
        training.put(
            key.substring(AdapterKeys.TRAINING_PREFIX.length()), metadata.requireString(key));
      }
    }
    return training;
  }

  private static void requireLora(Path file, GgufMetadata metadata) {
    String type = metadata.string(AdapterKeys.TYPE).orElse("model");
    if (!type.equals("adapter")) {
      throw new InvalidInputException(
          file + " is a " + type + ", not an adapter. Were base and adapter swapped?");
    }
    String kind = metadata.string(AdapterKeys.ADAPTER_TYPE).orElse("unnamed");
    if (!kind.equals("lora")) {
      throw new InvalidInputException(
          file + " is an adapter of the kind '" + kind + "'. Only 'lora' is supported");
    }
  }

  private static void requireSameBase(
      Path file, GgufMetadata metadata, String recorded, GgufFile base, OtherBase other)
      throws IOException {
    String actual = base.hash();
    if (!actual.equals(recorded)) {
      String name = metadata.string(AdapterKeys.BASE_NAME).orElse("a base without name");
      String quantization =
          metadata.string(AdapterKeys.BASE_QUANTIZATION).orElse("unknown quantization");
      throw new InvalidInputException(
          "%s was trained on another file than %s: on %s, %s, SHA-256 %s… (this one has %s…).%nGive the very file it was trained on%s"
              .formatted(
                  file,
                  base.path(),
                  name,
                  quantization,
                  beginning(recorded),
                  beginning(actual),
                  other == OtherBase.TAKEN_BY_FORCE
                      ? ", or --force to use it on this one all the same, if its shapes fit"
                      : ""));
    }
  }

  private static String beginning(String hash) {
    return hash.substring(0, Math.min(12, hash.length()));
  }

  private static void requireUnchanged(Path file, GgufMetadata metadata, LoraAdapter adapter) {
    Optional<String> digest = metadata.string(AdapterKeys.DIGEST);
    if (digest.isPresent() && !digest.get().equals(AdapterDigest.of(adapter))) {
      throw new InvalidInputException(
          file
              + " isn't as it was trained: weights or their scale were changed or left out after Lorikeet wrote it");
    }
  }

  /// llama.cpp takes a missing alpha, and 0, for a scale of 1: alpha equals the rank then.
  private static float alpha(GgufMetadata metadata, List<LoraPair> pairs, List<String> problems) {
    double alpha = metadata.real(AdapterKeys.ALPHA).orElse(0);
    if (!Double.isFinite(alpha)) {
      problems.add(AdapterKeys.ALPHA + " is " + alpha);
    }
    if (alpha != 0 || pairs.isEmpty()) {
      return (float) alpha;
    }
    int rank = pairs.getFirst().rank();
    if (pairs.stream().anyMatch(pair -> pair.rank() != rank)) {
      problems.add(
          AdapterKeys.ALPHA
              + " is missing, which is supported only where all pairs have the same rank");
    }
    return rank;
  }
}

package io.lorikeet.export;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A LoRA adapter read from a GGUF file, Lorikeet's own or any other that llama.cpp loads.
///
/// @param adapter the adapter, checked against its base
/// @param recorded whether the file says which base it was made for; if so, it is the one it was
///     read with
public record AdapterFile(LoraAdapter adapter, boolean recorded) {

  /// Reads and checks an adapter.
  ///
  /// @param file the adapter
  /// @param base the base it shall be used with; its whole file is read where the adapter names its
  ///     hash
  /// @throws InvalidInputException when it isn't a LoRA adapter for this base: another base's hash
  ///     or architecture; weights that the base lacks; halves of pairs; other shapes; numbers that
  /// aren't finite. All such weights are
  ///     named at once
  /// @throws IOException when a file can't be read
  public static AdapterFile read(Path file, GgufFile base) throws IOException {
    try (GgufFile gguf = GgufFile.open(file)) {
      GgufMetadata metadata = gguf.metadata();
      requireLora(file, metadata);
      Optional<String> hash = metadata.string(AdapterKeys.BASE_HASH);
      if (hash.isPresent()) {
        requireSameBase(file, metadata, hash.get(), base);
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
      List<LoraPair> pairs = new AdapterPairs(gguf, base, problems).read();
      float alpha = alpha(metadata, pairs, problems);
      if (!problems.isEmpty()) {
        throw InvalidInputException.of(file + " doesn't fit " + base.path(), problems);
      }
      LoraAdapter adapter = new LoraAdapter(architecture, alpha, pairs);
      requireUnchanged(file, metadata, adapter);
      return new AdapterFile(adapter, hash.isPresent());
    }
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
    if (metadata.value(AdapterKeys.INVOCATION_TOKENS).isPresent()) {
      throw new InvalidInputException(
          file
              + " is an activated LoRA, which works only after certain tokens. Only plain LoRA is supported");
    }
  }

  private static void requireSameBase(
      Path file, GgufMetadata metadata, String recorded, GgufFile base) throws IOException {
    String actual = base.hash();
    if (!actual.equals(recorded)) {
      String name = metadata.string(AdapterKeys.BASE_NAME).orElse("a base without name");
      String quantization =
          metadata.string(AdapterKeys.BASE_QUANTIZATION).orElse("unknown quantization");
      throw new InvalidInputException(
          "%s was trained on another file than %s: on %s, %s, SHA-256 %s… (this one has %s…).%nGive the very file it was trained on"
              .formatted(
                  file, base.path(), name, quantization, beginning(recorded), beginning(actual)));
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

package io.lorikeet.export;

import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.lora.LoraMatrix;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/// Which kinds of matrices' pairs change llama.cpp's logits, each kind of an adapter's file applied
/// by itself: a pair that llama.cpp ignores, or that learned nothing, would say nothing else.
///
/// @param changing kinds that do, by the names of targets
/// @param idle kinds that change not one bit of a logit
@Beta
public record KindEffects(List<String> changing, List<String> idle) {
  /// Enough for every kind of layer to be read.
  private static final int MOST_TOKENS = 16;

  /// @param context of the base, without an adapter; it has forgotten everything afterwards
  /// @param adapter the file
  /// @param sequence token ids, of which the first few are read
  /// @throws IOException when the file can't be read, or the parts of it not be written
  static KindEffects of(LlamaContext context, Path adapter, int[] sequence) throws IOException {
    int[] start = Arrays.copyOf(sequence, Math.min(sequence.length, MOST_TOKENS));
    List<String> changing = new ArrayList<>();
    List<String> idle = new ArrayList<>();
    Path part = Files.createTempFile("lorikeet-kind", ".gguf");
    try (GgufFile file = GgufFile.open(adapter)) {
      int[] tokens = invoking(start, context.contextLength(), file.metadata());
      KeptLogits plain = keep(context, Optional.empty(), tokens);
      for (String kind : kinds(file)) {
        write(file, kind, part);
        try (LlamaAdapter loaded = LlamaAdapter.load(context.model(), part)) {
          boolean none = plain.difference(keep(context, Optional.of(loaded), tokens)).isNone();
          (none ? idle : changing).add(kind);
        }
      }
    } finally {
      Files.delete(part);
    }
    return new KindEffects(List.copyOf(changing), List.copyOf(idle));
  }

  /// The tokens after the invocation of an activated adapter, which acts on all of them then.
  private static int[] invoking(int[] tokens, int most, GgufMetadata adapter) {
    int[] invocation =
        AdapterFile.invocation(adapter).stream()
            .flatMap(given -> given.tokens().stream())
            .mapToInt(Integer::intValue)
            .toArray();
    return IntStream.concat(Arrays.stream(invocation), Arrays.stream(tokens)).limit(most).toArray();
  }

  private static KeptLogits keep(
      LlamaContext context, Optional<LlamaAdapter> adapter, int[] tokens) {
    return new KeptLogits(
        context.model().vocabulary().size(), List.of(tokens), new LlamaLogits(context, adapter));
  }

  private static Set<String> kinds(GgufFile file) {
    Set<String> kinds = new LinkedHashSet<>();
    file.tensors().forEach(tensor -> kinds.add(kind(tensor)));
    return kinds;
  }

  private static String kind(GgufTensor half) {
    int suffix = LoraMatrix.SUFFIX_A.length(); // as long as B's
    return LoraTargets.nameOf(half.name().substring(0, half.name().length() - suffix));
  }

  private static void write(GgufFile file, String kind, Path part) throws IOException {
    GgufWriter writer = new GgufWriter().copyMetadata(file.metadata());
    for (GgufTensor tensor : file.tensors()) {
      if (kind(tensor).equals(kind)) {
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        writer.addTensor(tensor.name(), tensor.type(), shape, TensorSource.of(file.data(tensor)));
      }
    }
    writer.write(part);
  }
}

package io.lorikeet.export.merge;

import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// A merged file's metadata about its origin.
public final class MergeMetadata {
  private static final String BASE_HASH = "lorikeet.merge.base.sha256";
  private static final String ADAPTERS = "lorikeet.merge.adapters";
  private static final String ADAPTER_HASHES = "lorikeet.merge.adapters.sha256";
  private static final String SCALES = "lorikeet.merge.scales";
  private static final String CHAT_TEMPLATE = "tokenizer.chat_template";
  private static final String ROUNDING = "lorikeet.merge.rounding";

  private MergeMetadata() {}

  /// Records the base by its hash, and each adapter's file name, hash and scale. Earlier merges
  /// into the base stay in its hash. The chat template that the adapters were trained with becomes
  /// the model's own, unless they were trained with several.
  static void put(
      GgufWriter writer, GgufFile base, List<AdapterMerger.Adapter> adapters, Rounding rounding)
      throws IOException {
    List<String> names = new ArrayList<>();
    List<String> hashes = new ArrayList<>();
    Set<String> templates = new LinkedHashSet<>();
    float[] scales = new float[adapters.size()];
    for (AdapterMerger.Adapter adapter : adapters) {
      scales[names.size()] = (float) adapter.scale();
      names.add(adapter.file().getFileName().toString());
      try (GgufFile file = GgufFile.open(adapter.file())) {
        hashes.add(file.hash());
      }
      AdapterFile.template(adapter.file()).map(TrainedTemplate::text).ifPresent(templates::add);
    }
    writer
        .putString(BASE_HASH, base.hash())
        .putStrings(ADAPTERS, names)
        .putStrings(ADAPTER_HASHES, hashes)
        .putFloats(SCALES, scales)
        .putString(ROUNDING, rounding.name().toLowerCase(Locale.ROOT));
    if (templates.size() == 1) {
      writer.putString(CHAT_TEMPLATE, templates.iterator().next());
    }
  }

  /// Records the base by its hash, and the names of merged folders, which aren't adapters in GGUF.
  ///
  /// @throws IOException when the base can't be read
  public static void putBase(GgufWriter writer, GgufFile base, List<String> names)
      throws IOException {
    writer.putString(BASE_HASH, base.hash()).putStrings(ADAPTERS, names);
  }

  /// The hash of the base that a file was merged from.
  static Optional<String> baseHash(GgufMetadata metadata) {
    return metadata.string(BASE_HASH);
  }
}

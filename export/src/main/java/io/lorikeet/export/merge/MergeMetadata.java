package io.lorikeet.export.merge;

import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.PathParts;
import io.lorikeet.quant.convert.FolderTemplates;
import java.io.IOException;
import java.nio.file.Path;
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

  /// Records the base by its hash, and the name of a folder that PEFT wrote. The chat template of
  /// the tokenizer that was saved in the folder becomes the model's own.
  ///
  /// @throws IOException when the base or the folder can't be read
  public static void putFolder(GgufWriter writer, GgufFile base, Path folder) throws IOException {
    String name = PathParts.name(folder.toAbsolutePath().normalize());
    writer.putString(BASE_HASH, base.hash()).putStrings(ADAPTERS, List.of(name));
    FolderTemplates.own(folder).ifPresent(text -> writer.putString(CHAT_TEMPLATE, text));
  }

  /// The hash of the base that a file was merged from.
  static Optional<String> baseHash(GgufMetadata metadata) {
    return metadata.string(BASE_HASH);
  }
}

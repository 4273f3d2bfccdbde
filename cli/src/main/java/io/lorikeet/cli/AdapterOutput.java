package io.lorikeet.cli;

import io.lorikeet.export.analysis.AdapterCombiner;
import io.lorikeet.finetune.TemplateFile;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.lora.LoraAdapter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Collectors;

/// The end of commands that make an adapter: the file, what it is, and how to serve it.
final class AdapterOutput {

  private AdapterOutput() {}

  /// Writes an adapter.
  ///
  /// @param base the base's file, if it is at hand
  static void write(
      LoraAdapter adapter,
      AdapterMetadata metadata,
      AdapterStorage storage,
      Path file,
      Optional<Path> base,
      PrintWriter out)
      throws IOException {
    AdapterExporter.write(adapter, metadata, storage, file);
    if (metadata.template().isPresent()) {
      TemplateFile.write(file, base, metadata.template().get());
    }
    out.println(
        "%s: %s as %s, rank %s, %s weights, for %s, %s"
            .formatted(
                file,
                Words.bytes(Files.size(file)),
                storage,
                AdapterCombiner.ranks(adapter).stream()
                    .map(String::valueOf)
                    .collect(Collectors.joining(", ")),
                adapter.pairs().size(),
                metadata.base().name(),
                metadata.base().quantization()));
    (base.isPresent() ? ServingText.ofAdapter(base.get(), file) : ServingText.ofAdapter(file))
        .forEach(out::println);
  }
}

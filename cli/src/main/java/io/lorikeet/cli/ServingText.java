package io.lorikeet.cli;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.ShellText;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// What to paste to serve a model with llama.cpp, Ollama or LM Studio: where every export ends.
final class ServingText {
  private static final List<String> STOP_KEYS =
      List.of(
          "tokenizer.ggml.eos_token_id",
          "tokenizer.ggml.eot_token_id",
          "tokenizer.ggml.eom_token_id");

  private ServingText() {}

  /// For a base and an adapter.
  static List<String> ofAdapter(Path base, Path adapter) throws IOException {
    List<String> lines = new ArrayList<>();
    lines.addAll(commands(base, " --lora " + ShellText.quoted(adapter)));
    lines.addAll(modelfile(base, Optional.of(adapter)));
    Path merged = Path.of("merged.gguf");
    lines.add("programs that load no adapters, such as LM Studio and some versions of Ollama:");
    lines.add(
        "  ./lorikeet merge --model %s --adapter %s --output %s"
            .formatted(ShellText.quoted(base), ShellText.quoted(adapter), merged));
    return lines;
  }

  /// For an adapter whose base isn't at hand.
  static List<String> ofAdapter(Path adapter) {
    return List.of(
        "in llama.cpp, with its base:",
        "  llama-server -m BASE.gguf --lora " + ShellText.quoted(adapter),
        "  llama-cli -m BASE.gguf --lora " + ShellText.quoted(adapter));
  }

  /// For a model that needs no adapter, such as a merged one.
  static List<String> ofModel(Path model) throws IOException {
    List<String> lines = new ArrayList<>();
    lines.addAll(commands(model, ""));
    lines.addAll(modelfile(model, Optional.empty()));
    String name = model.getFileName().toString();
    lines.add("LM Studio looks for it here:");
    lines.add(
        "  ~/.lmstudio/models/local/%s/%s".formatted(name.replaceFirst("\\.gguf$", ""), name));
    return lines;
  }

  private static List<String> commands(Path model, String lora) {
    return List.of(
        "in llama.cpp:",
        "  llama-server -m " + ShellText.quoted(model) + lora,
        "  llama-cli -m " + ShellText.quoted(model) + lora);
  }

  /// What Ollama's `create -f` takes; paths in it are absolute, so it may lie anywhere.
  private static List<String> modelfile(Path model, Optional<Path> adapter) throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add("in Ollama, this as Modelfile, then: ollama create NAME -f Modelfile");
    lines.add("  FROM " + model.toAbsolutePath().normalize());
    adapter.ifPresent(file -> lines.add("  ADAPTER " + file.toAbsolutePath().normalize()));
    try (GgufFile file = GgufFile.openHeader(model)) {
      Optional<String> chat = file.metadata().string("tokenizer.chat_template");
      Optional<OllamaTemplate> template = OllamaTemplate.of(chat);
      if (template.isPresent()) {
        ("TEMPLATE \"\"\"" + template.get().text() + "\"\"\"")
            .lines()
            .forEach(line -> lines.add("  " + line));
      } else {
        lines.add("  # no TEMPLATE: Ollama looks for one that is like the base's own");
      }
      for (String stop : stops(file.metadata())) {
        lines.add("  PARAMETER stop \"" + stop.replace("\"", "\\\"") + "\"");
      }
    }
    return lines;
  }

  /// The texts of the tokens at which generation stops.
  private static Set<String> stops(GgufMetadata metadata) {
    Set<String> stops = new LinkedHashSet<>();
    Optional<List<String>> tokens = metadata.strings("tokenizer.ggml.tokens");
    for (String key : STOP_KEYS) {
      OptionalLong id = metadata.integer(key);
      if (tokens.isPresent()
          && id.isPresent()
          && id.getAsLong() >= 0
          && id.getAsLong() < tokens.get().size()) {
        stops.add(tokens.get().get((int) id.getAsLong()));
      }
    }
    return stops;
  }
}

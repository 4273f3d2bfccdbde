package io.lorikeet.cli;

import static io.lorikeet.quant.ShellText.program;
import static io.lorikeet.quant.ShellText.quoted;

import io.lorikeet.finetune.TemplateFile;
import io.lorikeet.finetune.serving.OllamaTemplate;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.TrainedTemplate;
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

/// The lines to paste to serve a model with llama.cpp, Ollama or LM Studio. Every export prints
/// them at its end.
final class ServingText {
  private static final List<String> STOP_KEYS =
      List.of(
          "tokenizer.ggml.eos_token_id",
          "tokenizer.ggml.eot_token_id",
          "tokenizer.ggml.eom_token_id");

  private ServingText() {}

  /// For a base and an adapter, which is served with the chat template that it was trained with.
  static List<String> ofAdapter(Path base, Path adapter) throws IOException {
    Optional<TrainedTemplate> trained = AdapterFile.template(adapter);
    List<String> lines = new ArrayList<>();
    lines.addAll(commands(words(arguments(base, Optional.of(adapter)))));
    if (AdapterFile.invocation(adapter).isPresent()) {
      lines.add(
          "other programs don't know adapters that act only from certain tokens on, and it can't be"
              + " merged");
      return lines;
    }
    lines.add(
        "for Ollama, which since 0.34.1 refuses adapters, LM Studio and others that load none:");
    lines.add(
        "  %s merge --model %s --adapter %s --output merged.gguf"
            .formatted(program(), quoted(base), quoted(adapter)));
    lines.add("in an older Ollama, this as Modelfile, then: ollama create NAME -f Modelfile");
    lines.addAll(modelfile(base, Optional.of(adapter), trained.map(TrainedTemplate::text)));
    return lines;
  }

  /// For an adapter whose base isn't at hand.
  static List<String> ofAdapter(Path adapter) throws IOException {
    List<String> lines = new ArrayList<>(List.of("with its base as BASE.gguf,"));
    List<String> arguments = new ArrayList<>(List.of("-m", "BASE.gguf", "--lora", text(adapter)));
    arguments.addAll(template(adapter, Optional.empty()));
    lines.addAll(commands(words(arguments)));
    return lines;
  }

  /// For a model that needs no adapter, such as a merged one.
  static List<String> ofModel(Path model) throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add("in llama.cpp:");
    lines.add("  llama-server -m " + quoted(model));
    lines.add("  llama-cli -m " + quoted(model));
    lines.add("in Ollama, this as Modelfile, then: ollama create NAME -f Modelfile");
    lines.addAll(modelfile(model, Optional.empty(), Optional.empty()));
    String name = model.getFileName().toString();
    lines.add("LM Studio looks for it here:");
    lines.add(
        "  ~/.lmstudio/models/local/%s/%s".formatted(name.replaceFirst("\\.gguf$", ""), name));
    return lines;
  }

  /// The arguments of llama.cpp's programs for a base, with an adapter or without.
  static List<String> arguments(Path base, Optional<Path> adapter) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("-m", text(base)));
    if (adapter.isPresent()) {
      arguments.addAll(List.of("--lora", text(adapter.get())));
      arguments.addAll(template(adapter.get(), Optional.of(base)));
    }
    return arguments;
  }

  /// A path that no program takes for an option.
  private static String text(Path path) {
    return path.toString().startsWith("-") ? "./" + path : path.toString();
  }

  /// The option for a template that isn't the base's own.
  private static List<String> template(Path adapter, Optional<Path> base) throws IOException {
    Optional<TrainedTemplate> trained = AdapterFile.template(adapter);
    Optional<Path> file =
        trained.isPresent() ? TemplateFile.needed(adapter, base, trained.get()) : Optional.empty();
    return file.map(path -> List.of("--jinja", "--chat-template-file", text(path)))
        .orElse(List.of());
  }

  /// Arguments as they are typed.
  static String words(List<String> arguments) {
    return String.join(" ", arguments.stream().map(ShellText::quoted).toList());
  }

  private static List<String> commands(String arguments) {
    return List.of(
        "in llama.cpp:",
        "  llama-server " + arguments,
        "  llama-cli " + arguments,
        "  requests that change adapters or their scales (\"lora\") need \"cache_prompt\": false:"
            + " llama.cpp v0.5.0 can go on from what other adapters computed");
  }

  /// The `Modelfile` of a model that needs no adapter.
  static List<String> modelfile(Path model) throws IOException {
    return modelfile(model, Optional.empty(), Optional.empty()).stream()
        .map(String::strip)
        .toList();
  }

  /// A `Modelfile` for Ollama's `create -f`. Its paths are absolute, so it may lie anywhere.
  ///
  /// @param trained the chat template that the adapter was trained with; empty for the model's own
  private static List<String> modelfile(
      Path model, Optional<Path> adapter, Optional<String> trained) throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add("  FROM " + model.toAbsolutePath().normalize());
    adapter.ifPresent(file -> lines.add("  ADAPTER " + file.toAbsolutePath().normalize()));
    OllamaTemplate template = OllamaTemplate.of(model, trained);
    lines.add(
        template
            .text()
            .map(text -> "  TEMPLATE \"\"\"" + text + "\"\"\"")
            .orElse(
                "  # no TEMPLATE, for Ollama's language can't say "
                    + template.obstacle()
                    + " as the chat template does: Ollama looks for one that is like the base's"));
    try (GgufFile file = GgufFile.openHeader(model)) {
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

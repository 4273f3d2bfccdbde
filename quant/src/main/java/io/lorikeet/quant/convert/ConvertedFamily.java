package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// How the models of one family are converted: their hyperparameters as GGUF's keys, the names of
/// their tensors, and what changes in them. This class has what most families share
/// (`TextModel` in llama.cpp's `conversion/base.py`); a family's own class is the difference.
class ConvertedFamily {
  private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(\\d+)\\.(.+)");
  private static final Pattern EXPERT = Pattern.compile("(.*\\.experts)\\.(\\d+)\\.(.+)\\.weight");

  private static final Map<String, String> OUTSIDE =
      Map.of(
          "model.embed_tokens", "token_embd",
          "model.norm", "output_norm",
          "model.embedding_norm", "token_embd_norm",
          "lm_head", "output");

  private final String architecture;
  private final ModelFolder folder;

  ConvertedFamily(String architecture, ModelFolder folder) {
    this.architecture = architecture;
    this.folder = folder;
  }

  /// The name in `general.architecture`.
  final String architecture() {
    return architecture;
  }

  final ModelFolder folder() {
    return folder;
  }

  final Config config() {
    return folder.config();
  }

  final String key(String name) {
    return architecture + "." + name;
  }

  final int heads() {
    return config().requireSize("num_attention_heads");
  }

  final int keyValueHeads() {
    return config().has("num_key_value_heads")
        ? config().requireSize("num_key_value_heads")
        : heads();
  }

  /// Layers that are written.
  int layers() {
    return config().requireSize("num_hidden_layers");
  }

  /// Numbers of one head.
  int headLength() {
    return config().has("head_dim")
        ? config().requireSize("head_dim")
        : config().requireSize("hidden_size") / heads();
  }

  /// Whether `key_length` and `value_length` are written where the configuration leaves them out.
  boolean writesHeadLength() {
    return config().has("head_dim");
  }

  Rope rope() {
    return Rope.of(config(), defaultRopeBase());
  }

  double defaultRopeBase() {
    return 10_000;
  }

  /// Sets the hyperparameters.
  void putParameters(GgufWriter writer) {
    Config config = config();
    writer.putUint32(key("block_count"), layers());
    writer.putUint32(key("context_length"), contextLength());
    writer.putUint32(key("embedding_length"), config.requireSize("hidden_size"));
    if (config.has("intermediate_size") || !config.has("moe_intermediate_size")) {
      writer.putUint32(key("feed_forward_length"), feedForward());
    }
    writer.putUint32(key("attention.head_count"), heads());
    writer.putUint32(key("attention.head_count_kv"), keyValueHeads());
    rope().put(writer, architecture);
    writer.putFloat32(
        key("attention.layer_norm_rms_epsilon"),
        (float) config.real("rms_norm_eps", "norm_eps").orElse(1e-6));
    config
        .integer("num_local_experts", "num_experts")
        .ifPresent(count -> writer.putUint32(key("expert_count"), count));
    config
        .integer("num_experts_per_tok", "num_experts_per_token", "top_k_experts")
        .ifPresent(count -> writer.putUint32(key("expert_used_count"), count));
    if (writesHeadLength()) {
      writer.putUint32(key("attention.key_length"), headLength());
      writer.putUint32(key("attention.value_length"), headLength());
    }
  }

  /// Width of a layer's dense feed-forward part.
  long feedForward() {
    return config().requireSize("intermediate_size");
  }

  long contextLength() {
    return config().requireSize("max_position_embeddings", "n_ctx", "n_positions");
  }

  /// The vocabulary; by default a byte-level BPE one.
  Vocabulary vocabulary() throws IOException {
    return folder.file("tokenizer.model").isPresent()
        ? Vocabulary.sentencePiece(folder)
        : Vocabulary.byteLevel(folder, preTokenizerName());
  }

  /// Sets the tokens that begin and end texts.
  void putSpecialTokens(SpecialTokens special, Vocabulary vocabulary, GgufWriter writer)
      throws IOException {
    special.put(writer);
    FolderTemplates.put(folder, writer);
  }

  /// The name of this family's pre-tokenizer, where llama.cpp has several names for the same.
  Optional<String> preTokenizerName() {
    return Optional.empty();
  }

  /// Tensors that the folder doesn't have and llama.cpp wants.
  List<OutputTensor> extraTensors(GgufWriter writer) {
    return List.of();
  }

  /// The names of this family's layers.
  ModuleNames names() {
    return ModuleNames.of(architecture);
  }

  /// Names of this family's tensors outside of layers that differ.
  Map<String, String> outerNames() {
    return Map.of();
  }

  /// The name that most folders have for a stored tensor, where this family's differ.
  String usualName(String name) {
    return name;
  }

  /// The rows of a tensor as they are written.
  WeightRows changed(String name, WeightRows rows) {
    if (!ModuleNames.turnsPairs(architecture)) {
      return rows;
    }
    if (name.contains(".q_proj.")) {
      return rows.permuted(heads());
    }
    return name.contains(".k_proj.") ? rows.permuted(keyValueHeads()) : rows;
  }

  /// The tensors of a stored one: one for most, equal shares of its rows else.
  List<OutputTensor> outputs(String name, StoredWeights weights) {
    List<String> names = outputNames(name);
    WeightRows rows = changed(name, weights.rows(name));
    if (names.size() == 1) {
      return List.of(new OutputTensor.NumberTensor(names.getFirst(), rows));
    }
    if (rows.shape().size() < 2 || rows.shape().get(1) % names.size() != 0) {
      throw new IllegalArgumentException("'" + name + "' has the shape " + rows.shape());
    }
    long share = rows.shape().get(1) / names.size();
    List<OutputTensor> outputs = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      outputs.add(new OutputTensor.NumberTensor(names.get(i), rows.part(i * share, share)));
    }
    return outputs;
  }

  /// Looks at the stored tensors before anything is written.
  void inspect(StoredWeights weights) {}

  /// All tensors of a model.
  ///
  /// @throws InvalidInputException naming all that have no place in a model of this family
  final List<OutputTensor> tensors(StoredWeights weights, GgufWriter writer) {
    inspect(weights);
    List<OutputTensor> outputs = new ArrayList<>(extraTensors(writer));
    List<String> problems = new ArrayList<>();
    Map<String, TreeMap<Integer, WeightRows>> experts = new LinkedHashMap<>();
    for (String name : weights.names()) {
      Matcher expert = EXPERT.matcher(name);
      try {
        if (expert.matches()) {
          String merged = expert.group(1) + "." + expert.group(3) + ".weight";
          outputName(merged);
          experts
              .computeIfAbsent(merged, _ -> new TreeMap<>())
              .put(Integer.parseInt(expert.group(2)), weights.rows(name));
        } else {
          outputs.addAll(outputs(name, weights));
        }
      } catch (IllegalArgumentException e) {
        problems.add(e.getMessage());
      }
    }
    experts.forEach((name, parts) -> stack(name, parts, outputs, problems));
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          "%s: tensors that don't fit a model of the family %s"
              .formatted(weights.file().path(), architecture),
          problems);
    }
    return withEmbedding(outputs, weights);
  }

  private void stack(
      String name,
      TreeMap<Integer, WeightRows> parts,
      List<OutputTensor> outputs,
      List<String> problems) {
    long count = config().requireInteger("num_local_experts", "num_experts", "n_routed_experts");
    if (parts.size() != count || parts.firstKey() != 0 || parts.lastKey() != count - 1) {
      problems.add("'%s': of %s experts %s are there".formatted(name, count, parts.size()));
      return;
    }
    try {
      outputs.add(
          new OutputTensor.NumberTensor(
              outputName(name), WeightRows.stacked(List.copyOf(parts.values()))));
    } catch (IllegalArgumentException e) {
      problems.add(e.getMessage());
    }
  }

  /// Whether the embeddings are the head too.
  boolean isTied() {
    return config().flag("tie_word_embeddings");
  }

  /// Refuses a tied model with a head that differs from its embeddings: programs differ in which of
  /// the two they take.
  final void checkHead(StoredWeights weights) {
    String head = "lm_head.weight";
    String embedding = "model.embed_tokens.weight";
    if (isTied()
        && weights.has(head)
        && weights.has(embedding)
        && !weights.rows(head).hasNumbersOf(weights.rows(embedding))) {
      throw new InvalidInputException(
          "%s: %s differs from %s, which is the head of a tied model. Set tie_word_embeddings to false in config.json to keep the head, or delete it"
              .formatted(weights.file().path(), head, embedding));
    }
  }

  /// Of tied embeddings and head some folders have only the head; llama.cpp wants the embeddings.
  private List<OutputTensor> withEmbedding(List<OutputTensor> outputs, StoredWeights weights) {
    if (outputs.stream().anyMatch(output -> output.name().equals("token_embd.weight"))) {
      return outputs;
    }
    if (!config().flag("tie_word_embeddings") || !weights.has("lm_head.weight")) {
      throw new InvalidInputException(
          weights.file().path() + " has no model.embed_tokens.weight. Is the folder complete?");
    }
    List<OutputTensor> renamed = new ArrayList<>();
    for (OutputTensor output : outputs) {
      renamed.add(
          output instanceof OutputTensor.NumberTensor(String name, WeightRows rows)
                  && name.equals("output.weight")
              ? new OutputTensor.NumberTensor("token_embd.weight", rows)
              : output);
    }
    return renamed;
  }

  /// The name in GGUF of a stored tensor that is one there, too.
  ///
  /// @throws IllegalArgumentException when there is none
  final String outputName(String stored) {
    List<String> names = outputNames(stored);
    if (names.size() > 1) {
      throw new IllegalArgumentException("'" + stored + "' isn't a single tensor");
    }
    return names.getFirst();
  }

  /// The names in GGUF of the shares of a stored tensor.
  private List<String> outputNames(String stored) {
    String name = usualName(stored);
    String suffix = name.endsWith(".bias") ? ".bias" : ".weight";
    String stem = name.endsWith(suffix) ? name.substring(0, name.length() - suffix.length()) : name;
    Matcher layer = LAYER.matcher(stem);
    if (!layer.matches()) {
      return List.of(found(name, outerNames().getOrDefault(stem, OUTSIDE.get(stem))) + suffix);
    }
    if (Integer.parseInt(layer.group(1)) >= layers()) {
      throw new IllegalArgumentException(
          "'%s' is beyond the %s layers that config.json tells of".formatted(name, layers()));
    }
    List<String> inLayer = names().tensors(layer.group(2));
    if (inLayer.isEmpty()) {
      throw new IllegalArgumentException("'" + name + "' isn't known");
    }
    String prefix = "blk." + Integer.parseInt(layer.group(1)) + ".";
    return inLayer.stream().map(tensor -> prefix + tensor + suffix).toList();
  }

  private static String found(String name, @Nullable String output) {
    if (output == null) {
      throw new IllegalArgumentException("'" + name + "' isn't known");
    }
    return output;
  }
}

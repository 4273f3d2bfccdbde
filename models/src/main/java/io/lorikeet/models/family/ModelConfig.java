package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.LlamaLimits;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The hyperparameters of a base, from its metadata and the names of its tensors.
///
/// @param family the family of its architecture
/// @param layerConfigs one for each transformer layer
/// @param embedding length of a hidden state
/// @param vocabulary tokens in the vocabulary
/// @param contextLength tokens the base was trained to see
/// @param rmsEpsilon epsilon of the norms
/// @param attentionScale factor of the attention scores
/// @param stillPairs rotated pairs of each head that stand still, in families that rotate by
///     sections
/// @param scales constant factors and caps
/// @param temperature how queries grow with their position, or null
/// @param experts the mixture of experts, or null
/// @param tied whether the head is the token embedding
/// @param matrices names of the matrices that an adapter can adapt, without the token embedding, in
///     the order of a forward pass
/// @param mostRows rows of the matrix with the most of them, of all experts together
/// @param widestInput inputs of the matrix with the most of them
public record ModelConfig(
    Family family,
    List<LayerConfig> layerConfigs,
    int embedding,
    int vocabulary,
    int contextLength,
    float rmsEpsilon,
    float attentionScale,
    List<Integer> stillPairs,
    Scales scales,
    @Nullable Temperature temperature,
    @Nullable Experts experts,
    boolean tied,
    List<String> matrices,
    int mostRows,
    int widestInput) {
  /// The table of the embeddings that each token has for each layer, where the family has some.
  public static final String TOKEN_INPUTS = "per_layer_token_embd.weight";

  /// Reads and checks the configuration of a base, and that its tensors are those of its
  /// architecture.
  ///
  /// @throws InvalidInputException when the architecture isn't supported, a key is missing or
  ///     absurd, or tensors are missing, misshapen or unknown (all are named)
  public static ModelConfig of(GgufFile base) {
    Family family = supported(base.metadata());
    LlamaLimits.check(base);
    GgufTensor tokens =
        base.tensor("token_embd.weight")
            .orElseThrow(
                () -> new InvalidInputException(base.path() + " has no tensor token_embd.weight"));
    Set<String> names =
        base.tensors().stream().map(GgufTensor::name).collect(Collectors.toUnmodifiableSet());
    int vocabulary = Math.toIntExact(tokens.shape().size() < 2 ? 1 : tokens.shape().get(1));
    ModelConfig config = read(family, base.metadata(), vocabulary, names);
    TensorInventory.check(base, config, config.tensors(names));
    return config;
  }

  private static Family supported(GgufMetadata metadata) {
    String architecture = metadata.requireString("general.architecture");
    return Family.of(architecture)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "%s is a model of the architecture '%s'; Lorikeet trains: %s"
                        .formatted(
                            metadata.source(),
                            architecture,
                            Family.ALL.stream()
                                .map(Family::architecture)
                                .collect(Collectors.joining(", ")))));
  }

  /// The configuration that metadata gives, whether the tensors fit it or not.
  ///
  /// @param names the base's tensors
  public static ModelConfig read(GgufMetadata metadata, int vocabulary, Set<String> names) {
    return read(supported(metadata), metadata, vocabulary, names);
  }

  private static ModelConfig read(
      Family family, GgufMetadata metadata, int vocabulary, Set<String> names) {
    ModelKeys keys = new ModelKeys(metadata);
    List<LayerConfig> layers = new ArrayList<>();
    for (int i = 0; i < family.layers(keys); i++) {
      LayerConfig layer = family.layer(keys, i);
      if (layer.attends() && layer.heads() % layer.keyValueHeads() != 0) {
        throw new InvalidInputException(
            "%s has %s heads, which %s key-value heads don't divide"
                .formatted(keys.source(), layer.heads(), layer.keyValueHeads()));
      }
      layers.add(layer);
    }
    Experts experts = family.experts(keys);
    TensorList tensors = tensors(family, layers, keys.embedding(), vocabulary, experts, names);
    return new ModelConfig(
        family,
        List.copyOf(layers),
        keys.embedding(),
        vocabulary,
        keys.context(),
        family.rmsEpsilon(keys),
        family.attentionScale(keys),
        family.stillPairs(keys),
        family.scales(keys),
        family.temperature(keys),
        experts,
        !names.contains("output.weight"),
        tensors.adaptable(),
        most(tensors, ModelConfig::rows),
        most(tensors, List::getFirst));
  }

  /// The largest size of the tensors that the metadata asks for. It can be beyond an `int` in files
  /// whose tensors have other shapes; those are refused when the shapes are compared.
  private static int most(TensorList tensors, ToLongFunction<List<Long>> size) {
    long most = tensors.required().values().stream().mapToLong(size).max().orElse(1);
    return (int) Math.min(most, Integer.MAX_VALUE);
  }

  private static long rows(List<Long> shape) {
    return shape.stream().skip(1).reduce(1L, Math::multiplyExact);
  }

  /// The tensors that a base with this configuration has.
  ///
  /// @param names the base's tensors
  public TensorList tensors(Set<String> names) {
    return tensors(family, layerConfigs, embedding, vocabulary, experts, names);
  }

  private static TensorList tensors(
      Family family,
      List<LayerConfig> layers,
      int embedding,
      int vocabulary,
      @Nullable Experts experts,
      Set<String> names) {
    TensorList list = new TensorList(names);
    list.frozen("token_embd.weight", embedding, vocabulary);
    for (int i = 0; i < layers.size(); i++) {
      list.startLayer(i);
      family.layerTensors(list, layers.get(i), embedding, experts);
    }
    list.endLayers();
    if (family.leavesLayersBehind()) {
      list.leaveLayersFrom(layers.size());
    }
    int inputs = layers.getFirst().tokenInputs();
    if (inputs > 0) {
      long all = (long) inputs * layers.size();
      list.frozenPieces(TOKEN_INPUTS, inputs, all, vocabulary);
      list.frozen("per_layer_model_proj.weight", embedding, all);
      list.frozen("per_layer_proj_norm.weight", inputs);
    }
    family.outerTensors(list, embedding, vocabulary);
    if (family.hasRopeFactors()) {
      RopeFactors.rotated(layers).ifPresent(layer -> family.ropeFactorTensors(list, layer));
    }
    return list;
  }

  public String architecture() {
    return family.architecture();
  }

  /// Transformer layers.
  public int layers() {
    return layerConfigs.size();
  }

  /// The configuration of a layer.
  public LayerConfig layer(int index) {
    return layerConfigs.get(index);
  }

  /// Query heads of the layer with the most of them.
  public int heads() {
    return most(LayerConfig::heads);
  }

  /// Key and value heads of the layer with the most of them.
  public int keyValueHeads() {
    return most(LayerConfig::keyValueHeads);
  }

  /// Elements of a head of the layer with the largest.
  public int headSize() {
    return most(LayerConfig::headSize);
  }

  /// How a layer rotates whose frequencies the factors divide, where there is one.
  public Optional<RopeParameters> rope() {
    return RopeFactors.rotated(layerConfigs).flatMap(LayerConfig::rope);
  }

  /// Elements of a hidden state, of all its streams.
  public int hidden() {
    return family.streams() * embedding;
  }

  /// Width of the widest feed-forward part.
  public int feedForward() {
    return most(LayerConfig::feedForward);
  }

  /// Elements of all query heads of the widest layer.
  public int queryWidth() {
    return most(LayerConfig::queryWidth);
  }

  /// Elements of all key heads, or value heads, of the widest layer.
  public int keyValueWidth() {
    return most(LayerConfig::keyValueWidth);
  }

  /// Tokens that a query sees in the layers with a sliding window, or 0 where there are none.
  public int window() {
    return most(LayerConfig::window);
  }

  /// Tokens that every layer sees by their places in a row, whatever their positions: those within
  /// a sliding window, or only itself where layers carry a state along the row. 0 where all of a
  /// row are seen by position.
  public int reach() {
    return states().findAny().isPresent() ? 1 : window();
  }

  /// Elements of the embedding that a token has for each layer, or 0.
  public int tokenInputs() {
    return layerConfigs.getFirst().tokenInputs();
  }

  /// Whether an adapter can adapt the token embedding: nothing else may be computed from it.
  public boolean adaptsEmbedding() {
    return !tied && tokenInputs() == 0;
  }

  /// The sizes of the layers that carry a state.
  public Stream<StateConfig> states() {
    return layerConfigs.stream().map(LayerConfig::state).flatMap(Optional::stream);
  }

  private int most(ToIntFunction<LayerConfig> size) {
    return layerConfigs.stream().mapToInt(size).max().orElse(0);
  }

  public Activation activation() {
    return family.activation();
  }

  /// Name of the tensor that turns hidden states into logits.
  public String headTensor() {
    return tied ? "token_embd.weight" : "output.weight";
  }
}

package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A family of models: those of one `general.architecture`. The defaults are llama's; each family
/// overrides its differences. Names of keys and tensors are those of `llama-arch.cpp`, and
/// everything follows llama.cpp's file of the same name in `src/models`.
public abstract sealed class Family
    permits Llama,
        Qwen2,
        Qwen2Moe,
        Qwen3,
        Qwen35,
        Gemma,
        Phi3,
        SmolLm3,
        Granite,
        NemotronH,
        FalconH1,
        Olmo2,
        Glm4,
        MuseGlimmer,
        Exaone4,
        SeedOss,
        Ernie45,
        Qwen3Moe,
        Olmoe,
        Lfm2,
        GptOss {
  /// All of them, in the order people look for them.
  public static final List<Family> ALL =
      List.of(
          new Llama(),
          new Qwen2(),
          new Qwen2Vl(),
          new Qwen3(),
          new Qwen3Vl(),
          new Qwen35(),
          new Gemma2(),
          new Gemma3(),
          new Gemma3n(),
          new Gemma4(),
          new Phi3(),
          new Mistral3(),
          new MuseGlimmer(),
          new SmolLm3(),
          new Granite(),
          new GraniteMoe(),
          new GraniteHybrid(),
          new NemotronH(),
          new NemotronHMoe(),
          new FalconH1(),
          new Olmo2(),
          new Glm4(),
          new Exaone4(),
          new SeedOss(),
          new Ernie45(),
          new Ernie45Moe(),
          new Qwen2Moe(),
          new Qwen3Moe(),
          new Qwen3VlMoe(),
          new Qwen35Moe(),
          new Qwen3Next(),
          new Olmoe(),
          new Lfm2(),
          new Lfm2Moe(),
          new GptOss());

  static final String POST_ATTENTION = "post_attention_norm.weight";

  private final String architecture;
  private final String examples;
  private final String traits;

  /// @param architecture `general.architecture`
  /// @param examples models that people know
  /// @param traits how it differs from llama, in a few words
  Family(String architecture, String examples, String traits) {
    this.architecture = architecture;
    this.examples = examples;
    this.traits = traits;
  }

  /// The family of an architecture, if it can be trained.
  public static Optional<Family> of(String architecture) {
    return ALL.stream().filter(family -> family.architecture.equals(architecture)).findFirst();
  }

  public final String architecture() {
    return architecture;
  }

  public final String examples() {
    return examples;
  }

  public final String traits() {
    return traits;
  }

  /// Names of the matrices that a layer can have and an adapter adapt, of its dense form and of its
  /// mixture of experts alike.
  public final List<String> layerMatrices() {
    List<LayerConfig> kinds = new ArrayList<>();
    for (int width : List.of(0, 1)) {
      AttentionConfig attention = AttentionConfig.of(1, 1, 1);
      kinds.add(new LayerConfig(attention, width).withTokenInputs(1));
      kinds.add(LayerConfig.carrying(new DeltaNetConfig(1, 1, 1, false, 1), width));
      kinds.add(LayerConfig.carrying(new ShortConvolutionConfig(1), width));
      kinds.add(LayerConfig.carrying(new Mamba2Config(1, 1, 1, 1, 1), width));
    }
    int shared = hasSharedPart() ? 1 : 0;
    Experts some = new Experts(1, 1, 1, shared, Experts.Gating.SOFTMAX, false);
    Set<String> names = new LinkedHashSet<>();
    for (FeedForwardForm form : forms()) {
      for (String alternative : List.of("", "blk.0.ffn_gate_up_exps.weight")) {
        for (LayerConfig kind : kinds) {
          TensorList list = new TensorList(Set.of(alternative));
          list.startLayer(0);
          layerTensors(list, kind, 1, form == FeedForwardForm.EXPERTS ? some : null);
          names.addAll(list.possible());
        }
      }
    }
    return List.copyOf(names);
  }

  /// Whether a layer's feed-forward part is one or a mixture of experts.
  enum FeedForwardForm {
    DENSE,
    EXPERTS
  }

  /// Whether every token can go through a part beside the experts.
  boolean hasSharedPart() {
    return false;
  }

  /// The forms that bases of this family have.
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.DENSE);
  }

  // Settings.

  /// Layers that a token goes through.
  int layers(ModelKeys keys) {
    return keys.layers();
  }

  /// Whether a base can have layers behind those, which are left alone.
  boolean leavesLayersBehind() {
    return false;
  }

  /// The sizes and the attention of a layer.
  public LayerConfig layer(ModelKeys keys, int index) {
    int headSize = keys.headSize();
    AttentionConfig attention =
        AttentionConfig.of(keys.heads(index), keys.keyValueHeads(index), headSize)
            .withRope(Optional.of(rope(keys, headSize)), hasRopeFactors() || sections() != null);
    return new LayerConfig(attention, feedForward(keys, index));
  }

  /// Width of a layer's dense feed-forward part.
  int feedForward(ModelKeys keys, int index) {
    return keys.ofLayer("feed_forward_length", index, 0);
  }

  /// Whether a base can have tensors that divide the frequencies.
  public boolean hasRopeFactors() {
    return false;
  }

  /// How pairs are spread over the dimensions of a position, or null where it has a single one.
  @Nullable RopeSections sections() {
    return null;
  }

  /// The pairs of each head that are rotated in images only.
  final List<Integer> stillPairs(ModelKeys keys) {
    RopeSections sections = sections();
    if (sections == null) {
      return List.of();
    }
    int headSize = keys.headSize();
    return sections.still(keys, rope(keys, headSize).dimensions() / 2, headSize);
  }

  RopeParameters rope(ModelKeys keys, int headSize) {
    keys.requireEqual("rope.dimension_count", headSize, "the size of a head");
    return RopeMetadata.read(keys, ropeMode(), headSize, RopeMetadata.Yarn.USUAL);
  }

  /// Where only a part of each head is rotated.
  final RopeParameters partialRope(ModelKeys keys, int headSize) {
    int dimensions = keys.positive("rope.dimension_count", headSize);
    if (dimensions > headSize || dimensions % 2 != 0) {
      keys.requireEqual("rope.dimension_count", headSize, "or an even part of a head");
    }
    return RopeMetadata.read(keys, ropeMode(), dimensions, RopeMetadata.Yarn.USUAL);
  }

  int ropeMode() {
    return RopeMetadata.NORMAL;
  }

  /// Factor of the attention scores.
  public float attentionScale(ModelKeys keys) {
    return inverseRoot(keys.headSize());
  }

  static float inverseRoot(double value) {
    return (float) (1 / Math.sqrt(value));
  }

  /// Streams of a hidden state, each as wide as an embedding.
  public int streams() {
    return 1;
  }

  /// Whether token embeddings are normed, without a gain.
  public boolean normsEmbedding() {
    return false;
  }

  /// Epsilon of the norms of what attention and the feed-forward part add to the hidden state.
  public float epsilonAfter(float usual) {
    return usual;
  }

  /// Epsilon of the norms.
  float rmsEpsilon(ModelKeys keys) {
    return keys.rmsEpsilon();
  }

  public Scales scales(ModelKeys keys) {
    return Scales.NONE;
  }

  public Activation activation() {
    return Activation.SILU;
  }

  /// How queries grow with their position, or null.
  public @Nullable Temperature temperature(ModelKeys keys) {
    return null;
  }

  /// The mixture of experts, or null.
  public @Nullable Experts experts(ModelKeys keys) {
    keys.requireAbsentOrZero("expert_count", "mixtures of experts");
    return null;
  }

  /// Experts weighted by the softmax over all of them, or null where the metadata names none.
  static @Nullable Experts softMaxExperts(ModelKeys keys, String widthKey, boolean normalized) {
    return keys.count("expert_count") == 0
        ? null
        : requireSoftMaxExperts(keys, widthKey, normalized);
  }

  /// Experts weighted by the softmax over all of them, which the metadata has to name.
  static Experts requireSoftMaxExperts(ModelKeys keys, String widthKey, boolean normalized) {
    int count = keys.positive("expert_count");
    keys.requireAbsentOrZero("expert_group_count", "groups of experts");
    int used = keys.positive("expert_used_count");
    int width = keys.ofLayer(widthKey, 0, 0);
    return new Experts(count, used, width, 0, Experts.Gating.SOFTMAX, normalized);
  }

  /// Whether values are normed, without a gain.
  public boolean normsValues() {
    return false;
  }

  /// Whether what attention gives is multiplied by the sigmoid of a gate. The matrix of queries
  /// gives it then: each head's query, and beside it its gate.
  public boolean gatesAttention() {
    return false;
  }

  /// The norm before the feed-forward part.
  public String feedForwardNorm() {
    return "ffn_norm.weight";
  }

  /// The norm before the head.
  public String outputNorm() {
    return "output_norm.weight";
  }

  /// The norm of what attention adds to the hidden state, or null: some families have that name for
  /// the norm before the feed-forward part, by its place.
  public final @Nullable String attentionPostNorm() {
    return feedForwardNorm().equals(POST_ATTENTION) ? null : POST_ATTENTION;
  }

  // Tensors.

  /// Lists a layer's tensors.
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    list.frozen("attn_norm.weight", width);
    attentionTensors(list, layer, width);
    list.frozen(feedForwardNorm(), width);
    if (experts == null) {
      feedForwardTensors(list, layer, width);
    } else {
      expertTensors(list, experts, width);
    }
  }

  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    if (list.isPresent("attn_qkv.weight")) {
      list.biasedMatrix("attn_qkv", width, layer.queryWidth() + 2L * layer.keyValueWidth());
    } else {
      list.biasedMatrix("attn_q", width, layer.queryWidth());
      list.biasedMatrix("attn_k", width, layer.keyValueWidth());
      list.biasedMatrix("attn_v", width, layer.keyValueWidth());
    }
    list.matrix("attn_output", layer.queryWidth(), width);
  }

  void feedForwardTensors(TensorList list, LayerConfig layer, int width) {
    list.matrix("ffn_gate", width, layer.feedForward());
    list.matrix("ffn_up", width, layer.feedForward());
    list.matrix("ffn_down", layer.feedForward(), width);
  }

  /// One matrix for the gate and what it gates.
  static void fusedFeedForward(TensorList list, LayerConfig layer, int width) {
    list.matrix("ffn_up", width, 2L * layer.feedForward());
    list.matrix("ffn_down", layer.feedForward(), width);
  }

  void expertTensors(TensorList list, Experts experts, int width) {
    list.frozen("ffn_gate_inp.weight", width, experts.count());
    list.experts("ffn_gate_exps", width, experts.width(), experts.count());
    list.experts("ffn_up_exps", width, experts.width(), experts.count());
    list.experts("ffn_down_exps", experts.width(), width, experts.count());
    if (experts.sharedWidth() > 0) {
      sharedTensors(list, experts, width);
    }
  }

  /// The matrices of experts, with one for the gate and what it gates where the file has that.
  static void expertMatrices(TensorList list, Experts experts, int width) {
    if (list.isPresent("ffn_gate_up_exps.weight")) {
      list.experts("ffn_gate_up_exps", width, 2L * experts.width(), experts.count());
    } else {
      list.experts("ffn_gate_exps", width, experts.width(), experts.count());
      list.experts("ffn_up_exps", width, experts.width(), experts.count());
    }
    list.experts("ffn_down_exps", experts.width(), width, experts.count());
  }

  /// The part that every token goes through beside its experts.
  static void sharedTensors(TensorList list, Experts experts, int width) {
    list.matrix("ffn_gate_shexp", width, experts.sharedWidth());
    list.matrix("ffn_up_shexp", width, experts.sharedWidth());
    list.matrix("ffn_down_shexp", experts.sharedWidth(), width);
  }

  /// Adds the biases that llama.cpp takes in a llama's attention output and feed-forward part.
  static void optionalBiases(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    if (layer.attends()) {
      list.optionalVector("attn_output.bias", width);
    }
    if (experts == null) {
      list.optionalVector("ffn_gate.bias", layer.feedForward());
      list.optionalVector("ffn_up.bias", layer.feedForward());
      list.optionalVector("ffn_down.bias", width);
    }
  }

  /// Keys and values that files have in layers which attend to those of others.
  static void unusedKeys(TensorList list, LayerConfig layer, int width) {
    list.optionalFrozen("attn_k.weight", width, layer.keyValueWidth());
    list.optionalFrozen("attn_v.weight", width, layer.keyValueWidth());
    list.optionalFrozen("attn_k_norm.weight", layer.headSize());
  }

  /// The tensors that bring a token's embedding for this layer into the hidden states.
  static void tokenInputTensors(TensorList list, LayerConfig layer, int width) {
    if (layer.tokenInputs() > 0) {
      list.matrix("inp_gate", width, layer.tokenInputs());
      list.matrix("proj", layer.tokenInputs(), width);
      list.frozen("post_norm.weight", width);
    }
  }

  /// Norms of each head's query and key.
  static void headNorms(TensorList list, LayerConfig layer) {
    list.frozen("attn_q_norm.weight", layer.headSize());
    list.frozen("attn_k_norm.weight", layer.headSize());
  }

  /// Lists the tensors that divide the frequencies.
  ///
  /// @param rotated a layer where they do
  public void ropeFactorTensors(TensorList list, LayerConfig rotated) {
    for (String name :
        List.of("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")) {
      list.optionalVector(name, rotated.rope().orElseThrow().dimensions() / 2);
    }
  }

  /// Lists the tensors outside of layers.
  public void outerTensors(TensorList list, int width, int vocabulary) {
    list.frozen(outputNorm(), width);
    list.optionalMatrix("output", width, vocabulary);
  }
}

package io.lorikeet.models.architecture;

import static io.lorikeet.models.architecture.FamilyMetadata.experts;
import static io.lorikeet.models.architecture.FamilyMetadata.fused;
import static io.lorikeet.models.architecture.FamilyMetadata.fusedExperts;
import static io.lorikeet.models.architecture.FamilyMetadata.gemma3n;
import static io.lorikeet.models.architecture.FamilyMetadata.gemma4;
import static io.lorikeet.models.architecture.FamilyMetadata.granite;
import static io.lorikeet.models.architecture.FamilyMetadata.graniteHybrid;
import static io.lorikeet.models.architecture.FamilyMetadata.longRope;
import static io.lorikeet.models.architecture.FamilyMetadata.museGlimmer;
import static io.lorikeet.models.architecture.FamilyMetadata.nemotronHMoe;
import static io.lorikeet.models.architecture.FamilyMetadata.qwen2Vl;
import static io.lorikeet.models.architecture.FamilyMetadata.qwen35;
import static io.lorikeet.models.architecture.FamilyMetadata.qwen35OfFewHeads;
import static io.lorikeet.models.architecture.FamilyMetadata.qwen3NextOfUsualWidth;
import static io.lorikeet.models.architecture.FamilyMetadata.sections;
import static io.lorikeet.models.architecture.FamilyMetadata.sharedExperts;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.quant.GgufValue;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/// A small model of a family, with metadata that brings out what is special about it.
///
/// @param name the architecture, and what is special about this one
/// @param first whether it stands for its family where one is enough
public record FamilyCase(String name, boolean first, UnaryOperator<RandomFamily> settings) {

  public static Stream<FamilyCase> all() {
    return Stream.of(
        family("qwen2", model -> model.tied()),
        also("qwen2", "untied", model -> model),
        family("qwen2vl", model -> qwen2Vl(model, 2, 3, 2, 1)),
        also("qwen2vl", "repeated", model -> qwen2Vl(model.tied(), 1, 1, 1, 1)),
        family(
            "qwen3",
            model -> model.put("attention.key_length", 32).put("attention.value_length", 32)),
        family("qwen3vl", FamilyMetadata::qwen3Vl),
        family("qwen35", FamilyMetadata::qwen35),
        also("qwen35", "still pairs", model -> sections(qwen35(model), 4, 2, 2, 0)),
        also("qwen35", "no more values", FamilyMetadata::qwen35OfFewHeads),
        also("qwen35", "further tokens", FamilyMetadata::qwen35Mtp),
        family(
            "gemma2",
            model ->
                model.tied().put("attention.sliding_window", 10).put("attn_logit_softcapping", 3f)),
        family("gemma3", FamilyMetadata::gemma3),
        also("gemma3", "no window", model -> model.tied().put("final_logit_softcapping", 2f)),
        family("gemma3n", FamilyMetadata::gemma3n),
        also("gemma3n", "few layers", model -> gemma3n(model).put("block_count", 2)),
        family("gemma4", model -> gemma4(model).with("blk.0.attn_v.weight")),
        new FamilyCase("gemma4 shared keys", true, FamilyMetadata::gemma4Shared),
        also("gemma4", "unused keys", FamilyMetadata::gemma4UnusedKeys),
        also("gemma4", "experts", model -> experts(gemma4(model), 4, 2)),
        also("gemma4", "fused experts", FamilyMetadata::gemma4Experts),
        family("phi3", model -> fused(model).put("rope.dimension_count", 12)),
        also("phi3", "short factors", model -> longRope(model, 1024)),
        also("phi3", "long factors", model -> longRope(model, 16)),
        family("mistral3", FamilyMetadata::mistral3),
        family("muse-glimmer", FamilyMetadata::museGlimmer),
        also(
            "muse-glimmer",
            "fused",
            model -> fused(museGlimmer(model).put("final_logit_softcapping", 0f))),
        family("smollm3", model -> model.put("block_count", 4)),
        family("granite", FamilyMetadata::granite),
        also(
            "granite",
            "no position",
            model -> granite(model).put("rope.scaling.finetuned", new GgufValue.Bool(false))),
        family("olmo2", FamilyMetadata::olmo3),
        also("olmo2", "no window", model -> model),
        family("glm4", model -> model.put("rope.dimension_count", 8)),
        family("exaone4", model -> model.tied().with("rope_freqs.weight")),
        also("exaone4", "windows", FamilyMetadata::exaone4),
        family(
            "seed_oss",
            model -> model.put("attention.key_length", 32).put("attention.value_length", 32)),
        family("ernie4_5", model -> model.tied()),
        also("llama", "fused", FamilyMetadata::fused),
        also("llama", "experts", model -> experts(model, 4, 2)),
        also("mistral3", "experts", model -> experts(model, 4, 2)),
        family("granitemoe", model -> experts(granite(model), 4, 2)),
        also(
            "granitemoe",
            "shared",
            model -> experts(granite(model), 4, 2).put("expert_shared_feed_forward_length", 96)),
        also(
            "granitemoe",
            "positions all the same",
            model ->
                experts(granite(model), 4, 2)
                    .put("rope.scaling.finetuned", new GgufValue.Bool(false))),
        family("granitehybrid", FamilyMetadata::graniteHybrid),
        also("granitehybrid", "groups and positions", FamilyMetadata::graniteHybridOfGroups),
        also(
            "granitehybrid",
            "experts",
            model ->
                experts(graniteHybrid(model), 4, 2).put("expert_shared_feed_forward_length", 96)),
        family("nemotron_h", FamilyMetadata::nemotronH),
        also("nemotron_h", "ends in attention", FamilyMetadata::nemotronHOfGroups),
        family("nemotron_h_moe", FamilyMetadata::nemotronHMoe),
        also(
            "nemotron_h_moe",
            "old file",
            model ->
                nemotronHMoe(model)
                    .without("expert_feed_forward_length")
                    .without("attention.layer_norm_rms_epsilon")
                    .put("attention.layer_norm_epsilon", 0.01f)
                    .put("expert_weights_norm", new GgufValue.Bool(false))
                    .put("expert_weights_scale", 0f)),
        family("falcon-h1", FamilyMetadata::falconH1),
        also("falcon-h1", "norm of states", FamilyMetadata::falconH1Normed),
        family("ernie4_5-moe", FamilyMetadata::ernieExperts),
        family("qwen2moe", model -> experts(model, 6, 4)),
        also("qwen2moe", "widths of its own", model -> sharedExperts(model.unbiased())),
        family("qwen3moe", model -> experts(model, 8, 3).put("expert_feed_forward_length", 96)),
        family(
            "qwen3vlmoe",
            model ->
                sections(experts(model, 8, 3), 4, 2, 2, 0).put("expert_feed_forward_length", 96)),
        family("qwen35moe", model -> sharedExperts(qwen35(model))),
        also(
            "qwen35moe",
            "fused experts, all used",
            model ->
                fusedExperts(sharedExperts(qwen35OfFewHeads(model))).put("expert_used_count", 6)),
        family("qwen3next", FamilyMetadata::qwen3Next),
        also(
            "qwen3next",
            "shared of usual width",
            model -> fusedExperts(qwen3NextOfUsualWidth(model))),
        family("lfm2", FamilyMetadata::lfm2),
        also("lfm2", "attention first", FamilyMetadata::lfm2AttentionFirst),
        family("lfm2moe", FamilyMetadata::lfm2Experts),
        family("olmoe", model -> experts(model, 6, 4).put("attention.head_count_kv", 4)),
        family("gpt-oss", FamilyMetadata::gptOss));
  }

  /// One of them.
  public static FamilyCase named(String name) {
    return all().filter(one -> one.name().equals(name)).findFirst().orElseThrow();
  }

  private static FamilyCase family(String architecture, UnaryOperator<RandomFamily> settings) {
    return new FamilyCase(architecture, true, settings);
  }

  private static FamilyCase also(
      String architecture, String what, UnaryOperator<RandomFamily> settings) {
    return new FamilyCase(architecture + " " + what, false, settings);
  }

  public RandomFamily of(TensorType type) {
    return settings.apply(new RandomFamily(name.split(" ")[0], type));
  }

  @Override
  public String toString() {
    return name;
  }
}

"""Small random models of the transformers library with adapters that PEFT made of them, and the logits of both.

Run with torch 2.13, transformers 5.18 and peft 0.21 in this folder; the models stand in folders of their own.
Names of models as arguments leave the others as they are.
"""

import json
import pathlib
import shutil
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

TOKENS = [(37 * i * i + 11 * i + 5) % 256 for i in range(80)]

HYBRID = dict(
    vocab_size=260,
    hidden_size=32,
    num_hidden_layers=2,
    layer_types=["linear_attention", "full_attention"],
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    linear_conv_kernel_dim=4,
    linear_key_head_dim=8,
    linear_value_head_dim=8,
    linear_num_key_heads=2,
    linear_num_value_heads=6,  # reordered by key head, and that is no exchange of two
    max_position_embeddings=256,
    tie_word_embeddings=True,
    eos_token_id=258,
)
SECTIONS = dict(
    rope_parameters=dict(
        rope_type="default",
        rope_theta=10000.0,
        partial_rotary_factor=0.25,
        mrope_section=[2, 1, 1],
        mrope_interleaved=True,
    )
)
ROTATED = dict(
    rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.25)
)
EXPERTS = dict(
    num_experts=4,
    num_experts_per_tok=2,
    moe_intermediate_size=16,
    shared_expert_intermediate_size=24,
)
CONVOLUTIONS = dict(
    vocab_size=260,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=3,
    layer_types=["conv", "full_attention", "conv"],
    conv_L_cache=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    tie_word_embeddings=True,
    eos_token_id=258,
)
ONE_PART = dict(
    vocab_size=260,
    hidden_size=32,
    intermediate_size=48,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    ssm_state_size=16,
    mamba_num_heads=6,
    mamba_head_dim=16,
    n_groups=2,
    n_routed_experts=4,
    n_shared_experts=1,
    moe_intermediate_size=16,
    moe_shared_expert_intermediate_size=24,
    num_experts_per_tok=2,
    routed_scaling_factor=2.5,
    max_position_embeddings=256,
    eos_token_id=258,
)
TEXT_OF_IMAGES = dict(
    vocab_size=260,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    eos_token_id=258,
)


def turned_by(**sections):
    """Sections that leave no pair of llama.cpp's to the fourth dimension."""
    return dict(rope_parameters=dict(rope_type="default", rope_theta=10000.0, **sections))


IMAGES = dict(depth=1, hidden_size=8, intermediate_size=8, num_heads=2, out_hidden_size=32)
DEEPSTACK = dict(deepstack_visual_indexes=[0], num_position_embeddings=4, patch_size=2)
MODELS = {
    "qwen2_5_vl": (
        transformers.Qwen2_5_VLForConditionalGeneration,
        transformers.Qwen2_5_VLConfig(
            text_config=dict(**TEXT_OF_IMAGES, **turned_by(mrope_section=[2, 1, 1])),
            vision_config=dict(patch_size=2, **IMAGES),
        ),
    ),
    "qwen3_vl": (
        transformers.Qwen3VLForConditionalGeneration,
        transformers.Qwen3VLConfig(
            text_config=dict(
                head_dim=16,
                **TEXT_OF_IMAGES,
                **turned_by(mrope_section=[3, 3, 2], mrope_interleaved=True),
            ),
            vision_config=dict(**IMAGES, **DEEPSTACK),
        ),
    ),
    "qwen3_vl_moe": (
        transformers.Qwen3VLMoeForConditionalGeneration,
        transformers.Qwen3VLMoeConfig(
            text_config=dict(
                head_dim=16,
                tie_word_embeddings=False,
                num_experts=4,
                num_experts_per_tok=2,
                moe_intermediate_size=24,
                **TEXT_OF_IMAGES,
                **turned_by(mrope_section=[3, 3, 2], mrope_interleaved=True),
            ),
            vision_config=dict(**IMAGES, **DEEPSTACK),
        ),
    ),
    "lfm2": (
        transformers.Lfm2ForCausalLM,
        transformers.Lfm2Config(block_multiple_of=16, **CONVOLUTIONS),  # 32 wide
    ),
    "lfm2_moe": (
        transformers.Lfm2MoeForCausalLM,
        transformers.Lfm2MoeConfig(
            num_dense_layers=1,
            num_experts=6,
            num_experts_per_tok=2,
            moe_intermediate_size=16,
            **CONVOLUTIONS,
        ),
    ),
    "qwen3_5": (
        transformers.Qwen3_5ForCausalLM,
        transformers.Qwen3_5TextConfig(intermediate_size=48, **HYBRID, **SECTIONS),
    ),
    "qwen3_5_moe": (
        transformers.Qwen3_5MoeForCausalLM,
        transformers.Qwen3_5MoeTextConfig(**EXPERTS, **HYBRID, **SECTIONS),
    ),
    "qwen3_next": (
        transformers.Qwen3NextForCausalLM,
        transformers.Qwen3NextConfig(intermediate_size=48, **EXPERTS, **HYBRID, **ROTATED),
    ),
    "gemma4": (  # as E2B: three layers have no keys of their own
        transformers.Gemma4ForCausalLM,
        transformers.Gemma4TextConfig(
            vocab_size=260,
            vocab_size_per_layer_input=260,
            hidden_size=32,
            hidden_size_per_layer_input=16,
            intermediate_size=24,
            use_double_wide_mlp=True,
            num_hidden_layers=5,
            num_kv_shared_layers=3,
            layer_types=["sliding_attention", "full_attention"]
            + ["sliding_attention"] * 2
            + ["full_attention"],
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            global_head_dim=16,
            sliding_window=20,
            max_position_embeddings=256,
            final_logit_softcapping=30.0,
            eos_token_id=258,
        ),
    ),
    "gemma3n": (  # with llama.cpp's sizes: it has them for its two published models only
        transformers.Gemma3nForCausalLM,
        transformers.Gemma3nTextConfig(
            vocab_size=260,
            vocab_size_per_layer_input=258,
            hidden_size=32,
            hidden_size_per_layer_input=256,
            intermediate_size=48,
            num_hidden_layers=22,
            num_kv_shared_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            laurel_rank=64,
            sliding_window=20,
            max_position_embeddings=256,
            final_logit_softcapping=30.0,
            eos_token_id=258,
        ),
    ),
    "granitemoehybrid": (
        transformers.GraniteMoeHybridForCausalLM,
        transformers.GraniteMoeHybridConfig(
            vocab_size=260,
            hidden_size=32,
            intermediate_size=16,
            shared_intermediate_size=24,
            num_hidden_layers=3,
            layer_types=["linear_attention", "full_attention", "linear_attention"],
            num_attention_heads=4,
            num_key_value_heads=2,
            num_local_experts=4,
            num_experts_per_tok=2,
            mamba_n_heads=8,
            mamba_d_head=8,
            mamba_d_state=16,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            embedding_multiplier=3.0,
            attention_multiplier=0.3,
            residual_multiplier=0.5,
            logits_scaling=2.0,
            eos_token_id=258,
        ),
    ),
    "muse_glimmer": (
        transformers.MuseGlimmerForConditionalGeneration,
        transformers.MuseGlimmerConfig(
            text_config=dict(
                head_dim=16,
                layer_types=["sliding_attention", "full_attention"],
                layer_rope_theta=[10000.0, 0],
                sliding_window=20,
                final_logit_softcapping=20.0,
                output_multiplier=1.0,
                rope_parameters=dict(rope_type="default", rope_theta=10000.0),
                **TEXT_OF_IMAGES,
            ),
            vision_config=dict(
                num_hidden_layers=1, hidden_size=8, intermediate_size=8, num_attention_heads=2,
                pos_emb_height=2, pos_emb_width=2, patch_size=2,
            ),
        ),
    ),
    "nemotron_h": (
        transformers.NemotronHForCausalLM,
        transformers.NemotronHConfig(
            layers_block_type=["linear_attention", "mlp", "full_attention", "mlp"], **ONE_PART
        ),
    ),
    "nemotron_h_moe": (
        transformers.NemotronHForCausalLM,
        transformers.NemotronHConfig(
            layers_block_type=["linear_attention", "moe", "full_attention", "moe"], **ONE_PART
        ),
    ),
    "granitemoeshared": (
        transformers.GraniteMoeSharedForCausalLM,
        transformers.GraniteMoeSharedConfig(
            vocab_size=260,
            hidden_size=32,
            intermediate_size=16,
            shared_intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            num_local_experts=4,
            num_experts_per_tok=2,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            embedding_multiplier=3.0,
            attention_multiplier=0.3,
            residual_multiplier=0.5,
            logits_scaling=2.0,
            eos_token_id=258,
        ),
    ),
}


def randomize(name, parameter):
    """Numbers that make every part matter."""
    if name.endswith("A_log"):
        return torch.empty_like(parameter).uniform_(0.05, 4).log()
    if KIND == "gemma3n" and "norm" not in name and ("per_layer" in name or "laurel" in name):
        few = 1.2 * torch.randint(-1, 2, parameter.shape)  # numbers, which take little room
        return few if "embed" in name else few / parameter.shape[-1] ** 0.5
    if "altup" in name and "coefs" in name:  # or the streams of 22 layers grow too large
        return 0.1 * torch.randn_like(parameter)
    if KIND == "gemma3n" and "post_" in name:
        return 0.3 + 0.1 * torch.randn_like(parameter)
    if name.endswith("norm.weight"):
        zero_centered = (
            KIND.startswith(("qwen3_5", "qwen3_next")) and not name.endswith("linear_attn.norm.weight")
        ) or KIND == "muse_glimmer" and name.endswith("layernorm.weight")
        return (0 if zero_centered else 1) + 0.3 * torch.randn_like(parameter)
    if parameter.dim() == 1 or "conv1d" in name or "embed_tokens" in name:
        return 0.7 * torch.randn_like(parameter)
    return 1.2 * torch.randn_like(parameter) / parameter.shape[-1] ** 0.5


def tokenizer():
    """All bytes as byte-level BPE writes them, one merge and three special tokens."""
    vocabulary, further = {}, 256
    for byte in range(256):
        printable = 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174
        vocabulary[chr(byte if printable else further)] = byte
        further += not printable
    vocabulary["ab"] = 256
    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
        r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    split = dict(type="Split", pattern=dict(Regex=pattern), behavior="Isolated", invert=False)
    level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=False, use_regex=False)
    special = ["<s>", "</s>", "<|pad|>"]
    flags = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return dict(
        version="1.0",
        added_tokens=[dict(id=257 + i, content=text, **flags) for i, text in enumerate(special)],
        pre_tokenizer=dict(type="Sequence", pretokenizers=[split, level]),
        decoder=level,
        model=dict(type="BPE", vocab=vocabulary, merges=[["a", "b"]], ignore_merges=False),
    )


def of_samples(deviation):
    """llama.cpp divides Gemma 3n's deviations by n - 1, which matters where n is small as here."""
    return lambda *inputs, **options: deviation(*inputs, **options | dict(unbiased=True))


def characters():
    """As Gemma's tokenizers: bytes stand for what no token has."""
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"ab": 256}
    return tokenizer() | dict(
        pre_tokenizer=None,
        model=dict(type="BPE", byte_fallback=True, vocab=vocabulary, merges=[["a", "b"]]),
    )


torch.std = of_samples(torch.std)
pathlib.Path("tokenizer.json").write_text(json.dumps(tokenizer()))
pathlib.Path("characters.json").write_text(json.dumps(characters()))
for KIND, (model_class, config) in MODELS.items():
    if sys.argv[1:] and KIND not in sys.argv[1:]:
        continue
    torch.manual_seed(7)
    folder = pathlib.Path(KIND)
    shutil.rmtree(folder, ignore_errors=True)
    model = model_class(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(randomize(name, parameter).to(torch.bfloat16))
        for name, buffer in model.named_buffers():
            if name.endswith(("expert_bias", "e_score_correction_bias")):
                buffer.copy_((0.2 * torch.randn_like(buffer)).to(torch.bfloat16))
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    model = model_class.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = torch.tensor([TOKENS])
    linear = {
        ".".join(name.rsplit(".", 2)[-2:])
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head" and "vis" not in name
    } - {"mlp.shared_expert_gate"}
    # Of the whole model, or of Gemma 3n's streams, which stay as they are.
    fixed = ("per_layer_model_projection", "altup", "_coefs", "modality_router")
    linear = {name for name in linear if not any(part in name for part in fixed)}
    if KIND.startswith("nemotron"):  # where PEFT refuses this one
        linear -= {"mixer.out_proj"}
    if KIND == "qwen3_next":  # of which PEFT would adapt the parameters of all experts instead
        linear = {name for name in linear if not name.startswith("shared_expert")}
    settings = peft.LoraConfig(
        r=3, lora_alpha=9, target_modules=sorted(linear), exclude_modules=".*vis(ual|ion).*"
    )
    with torch.no_grad():
        base = model(tokens).logits[0, -3:].clone()
        adapted = peft.get_peft_model(model, settings)
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.copy_((0.25 * torch.randn_like(parameter)).to(torch.bfloat16))
        adapted.save_pretrained(folder)
        changed = adapted(tokens).logits[0, -3:]
    (folder / "README.md").unlink(missing_ok=True)
    weights = folder / "model.safetensors"  # without the parts for images, which aren't converted
    text = {name: tensor.clone() for name, tensor in load_file(weights).items() if "vis" not in name}
    save_file(text, weights, metadata={"format": "pt"})
    expected = {"tokens": torch.tensor(TOKENS, dtype=torch.float32), "base": base, "adapted": changed}
    save_file({name: tensor.contiguous() for name, tensor in expected.items()}, folder / "expected.safetensors")
    print(KIND, sorted(linear), (changed - base).abs().max().item(), base.std().item())

"""LoRA training steps in PyTorch on the CPU, for bench/anchor, which starts it:

    anchor_torch.py SHAPE peft|peft-checkpointing|lean BF16|F32 CONTEXT RANK THREADS

The model is Llama's with random weights in BF16 or F32; A and B of all linear layers of a block are F32, as in
Lorikeet. `peft` is transformers with PEFT; `lean` has nothing between PyTorch's operations and the
training loop. Prints a line of JSON when it is warm, then reads how many steps to take and prints
their seconds, as often as it is asked.
"""
import json
import math
import resource
import sys
import time

import torch
import torch.nn.functional as F

# layers, width, feed-forward, heads, heads for keys and values: those of `lorikeet bench --make`
SHAPES = {"S": (12, 768, 2048, 12, 4), "M": (22, 2048, 5632, 32, 4)}
TYPES = {"BF16": torch.bfloat16, "F32": torch.float32}
VOCABULARY = 32_000
WARM_UPS = 3


def peft_loss(shape, base_type, context, rank, checkpointing):
    """The loss as a function of tokens, and the trained parameters, by transformers and PEFT."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM
    layers, width, hidden, heads, key_heads = shape
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=width, intermediate_size=hidden, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=key_heads, max_position_embeddings=context,
        tie_word_embeddings=False, attn_implementation="sdpa", use_cache=False)
    model = LlamaForCausalLM(config).to(base_type)
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    model = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear"))
    model.train()

    def loss(tokens):
        inputs, labels = tokens[:-1].unsqueeze(0), tokens[1:].unsqueeze(0)
        return model(input_ids=inputs, shift_labels=labels, labels=labels).loss

    return loss, [p for p in model.parameters() if p.requires_grad]


class Linear:
    """A frozen weight with an adapter."""

    def __init__(self, inputs, outputs, base_type, rank, trained):
        self.weight = torch.randn(outputs, inputs).mul_(0.02).to(base_type)
        self.a = torch.randn(rank, inputs).div_(math.sqrt(inputs)).requires_grad_()
        self.b = torch.zeros(outputs, rank).requires_grad_()
        trained += [self.a, self.b]

    def __call__(self, x):
        down = F.linear(x, self.a.to(x.dtype))
        return F.linear(x, self.weight) + 2 * F.linear(down, self.b.to(x.dtype))


def lean_loss(shape, base_type, context, rank):
    """The same model of PyTorch's operations alone, without checkpointing."""
    layers, width, hidden, heads, key_heads = shape
    size = width // heads
    trained = []
    blocks = []
    for _ in range(layers):
        sizes = {"q": (width, width), "k": (width, key_heads * size), "v": (width, key_heads * size),
                 "o": (width, width), "gate": (width, hidden), "up": (width, hidden), "down": (hidden, width)}
        blocks.append({name: Linear(*io, base_type, rank, trained) for name, io in sizes.items()})
    embedding = torch.randn(VOCABULARY, width).mul_(0.02).to(base_type)
    head = torch.randn(VOCABULARY, width).mul_(0.02).to(base_type)
    gain = torch.ones(width, dtype=base_type)
    angles = torch.outer(torch.arange(context), 10_000.0 ** (-torch.arange(0, size, 2) / size))
    cosine, sine = (f(torch.cat((angles, angles), -1)).to(base_type) for f in (torch.cos, torch.sin))

    def split(x, count, rotate):
        x = x.view(context, count, size).transpose(0, 1)
        if not rotate:
            return x
        first, second = x.chunk(2, -1)
        return x * cosine + torch.cat((-second, first), -1) * sine

    def block(x, w):
        y = F.rms_norm(x, (width,), gain, 1e-5)
        q, k, v = split(w["q"](y), heads, True), split(w["k"](y), key_heads, True), split(w["v"](y), key_heads, False)
        k, v = (t.repeat_interleave(heads // key_heads, 0) for t in (k, v))
        mixed = F.scaled_dot_product_attention(q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0), is_causal=True)
        x = x + w["o"](mixed.squeeze(0).transpose(0, 1).reshape(context, width))
        y = F.rms_norm(x, (width,), gain, 1e-5)
        return x + w["down"](F.silu(w["gate"](y)) * w["up"](y))

    def loss(tokens):
        x = F.embedding(tokens[:-1], embedding)
        for w in blocks:
            x = block(x, w)
        logits = F.linear(F.rms_norm(x, (width,), gain, 1e-5), head)
        return F.cross_entropy(logits.float(), tokens[1:])

    return loss, trained


def main():
    shape, variant, base_type = SHAPES[sys.argv[1]], sys.argv[2], TYPES[sys.argv[3]]
    context, rank, threads = map(int, sys.argv[4:])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    if variant == "lean":
        loss, trained = lean_loss(shape, base_type, context, rank)
    else:
        loss, trained = peft_loss(shape, base_type, context, rank, variant == "peft-checkpointing")
    optimizer = torch.optim.AdamW(trained, lr=2e-4)
    tokens = torch.randint(0, VOCABULARY, (context + 1,))

    def step():
        start = time.perf_counter()
        value = loss(tokens)
        value.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        value.item()
        return time.perf_counter() - start

    for _ in range(WARM_UPS):
        step()
    versions = {"python": sys.version.split()[0], "torch": torch.__version__}
    for name in ("transformers", "peft"):
        if name in sys.modules:
            versions[name] = sys.modules[name].__version__
    print(json.dumps({**versions, "trained_parameters": sum(p.numel() for p in trained),
                      "data_types": sorted({str(p.dtype) for p in trained})}), flush=True)
    for line in sys.stdin:
        seconds = [step() for _ in range(int(line))]
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"seconds": seconds, "peak_resident": peak}), flush=True)


if __name__ == "__main__":
    main()

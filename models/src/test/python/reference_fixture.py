#!/usr/bin/env python3
"""Makes the fixture that ReferenceModelTest holds ReferenceModel against: loss, logits and LoRA gradients of tiny
llama models, from PyTorch's autograd in float64. Needs PyTorch only (any version since 1.10):

    python3 reference_fixture.py > ../resources/io/lorikeet/models/testing/reference-fixture.txt

Weights are not stored but generated on both sides: value(name, i) below, ReferenceFixture in Java.
"""
import math
import zlib

import torch

torch.set_default_dtype(torch.float64)
MASK = (1 << 64) - 1


def value(name, index):
    """Element `index` of tensor `name`, uniform in [-1, 1): splitmix64 seeded by the CRC-32 of the name."""
    z = (zlib.crc32(name.encode()) * 0x9E3779B97F4A7C15 + (index + 1) * 0xD1B54A32D192ED03) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    z ^= z >> 31
    return (z >> 11) * 2.0**-52 - 1.0


def generate(name, *shape, scale=1.0, offset=0.0):
    count = math.prod(shape)
    return torch.tensor([offset + scale * value(name, i) for i in range(count)]).reshape(shape)


PLAIN = dict(layers=2, width=8, feed_forward=12, heads=4, kv_heads=2, head_size=2, vocabulary=11, epsilon=1e-5,
             base=10000.0, factor=1.0, yarn=0, original=0, attention_factor=1.0, factors=0, biases=0, tied=1,
             targets="q k v o gate up down", rank=2, scaling=0.75)
CASES = {
    "plain": PLAIN,
    "linear-bias": dict(PLAIN, layers=1, factor=4.0, biases=1, tied=0, targets="v output token_embd", rank=3),
    "yarn-factors": dict(PLAIN, layers=1, heads=3, kv_heads=1, head_size=16, base=500.0, factor=4.0, yarn=1,
                         original=256, attention_factor=1.25, factors=1, tied=0, targets="q k o down output", rank=1),
}
# Two rows of six tokens; the first row holds two examples, the second one example and padding that sees itself only.
BATCH = dict(rows=2, context=6,
             tokens=[1, 5, 9, 3, 10, 4, 7, 7, 2, 8, 0, 0],
             positions=[0, 1, 2, 3, 0, 1, 40, 41, 42, 43, 0, 0],
             first_visible=[0, 0, 0, 0, 4, 4, 0, 0, 0, 0, 4, 5],
             targets=[5, 9, 3, 2, 4, 6, 7, 2, 8, 1, 0, 0],
             weights=[0, 0, 1, 1, 1, 1, 1, 0.5, 1, 1, 0, 0])
NAMES = dict(q="attn_q", k="attn_k", v="attn_v", o="attn_output", gate="ffn_gate", up="ffn_up", down="ffn_down")


class Model:
    def __init__(self, c):
        self.c = c
        self.pairs = {}

    def linear(self, name, x, outputs):
        inputs = x.shape[-1]
        y = x @ generate(name + ".weight", outputs, inputs, scale=math.sqrt(3 / inputs)).T
        if self.c["biases"] and name.startswith("blk"):
            y = y + generate(name + ".bias", outputs, scale=0.5)
        short = next((s for s, n in NAMES.items() if name.endswith("." + n)), name)
        if short in self.c["targets"].split():
            a, b = self.pair(name + ".weight", (self.c["rank"], inputs), (outputs, self.c["rank"]))
            y = y + self.c["scaling"] * ((x @ a.T) @ b.T)
        return y

    def pair(self, name, a_shape, b_shape):
        a = generate(name + ".lora_a", *a_shape).requires_grad_()
        b = generate(name + ".lora_b", *b_shape).requires_grad_()
        self.pairs[name] = (a, b)
        return a, b

    def norm(self, name, x):
        weight = generate(name + ".weight", x.shape[-1], scale=0.25, offset=1.0)
        return weight * x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.c["epsilon"])

    def angles(self):
        """Radians per position for each pair of a head: the YaRN paper's blend where asked for (arXiv 2309.00071)."""
        c, half = self.c, self.c["head_size"] // 2
        plain = c["base"] ** (-torch.arange(half) / half)
        if c["factors"]:
            plain = plain / generate("rope_freqs.weight", half, scale=1.5, offset=3.0)
        if not c["yarn"]:
            return plain / c["factor"], c["attention_factor"]

        def index_of(turns):
            return half * math.log(c["original"] / (2 * math.pi * turns)) / math.log(c["base"])

        low, high = max(0, math.floor(index_of(32))), min(2 * half - 1, math.ceil(index_of(1)))
        stretched = ((torch.arange(half) - low) / (high - low)).clamp(0, 1)
        angles = plain / c["factor"] * stretched + plain * (1 - stretched)
        return angles, c["attention_factor"] * (0.1 * math.log(c["factor"]) + 1)

    def rotate(self, x):
        """x: [tokens, heads, head size] as complex numbers of neighbouring elements."""
        angles, magnitude = self.angles()
        turns = torch.tensor(BATCH["positions"])[:, None] * angles
        turned = torch.view_as_complex(x.reshape(*x.shape[:2], -1, 2).contiguous())
        turned = turned * torch.polar(torch.full_like(turns, magnitude), turns)[:, None, :]
        return torch.view_as_real(turned).reshape(x.shape)

    def attention(self, q, k, v):
        c, n = self.c, len(BATCH["tokens"])
        q, k, v = (x.reshape(n, -1, c["head_size"]) for x in (q, k, v))
        q, k = self.rotate(q), self.rotate(k)
        k, v = (x.repeat_interleave(c["heads"] // c["kv_heads"], dim=1) for x in (k, v))
        index = torch.arange(n)
        row, place = index // BATCH["context"], index % BATCH["context"]
        seen = (row[:, None] == row) & (place <= place[:, None]) & (
            place >= torch.tensor(BATCH["first_visible"])[:, None])
        scores = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(c["head_size"])
        shares = scores.masked_fill(~seen, -math.inf).softmax(-1)
        return torch.einsum("hij,jhd->ihd", shares, v).reshape(n, -1)

    def logits(self):
        c = self.c
        tokens = torch.tensor(BATCH["tokens"])
        embedding = generate("token_embd.weight", c["vocabulary"], c["width"], scale=math.sqrt(3 / c["width"]))
        x = embedding[tokens]
        if "token_embd" in c["targets"].split():
            a, b = self.pair("token_embd.weight", (c["vocabulary"], c["rank"]), (c["width"], c["rank"]))
            x = x + c["scaling"] * a[tokens] @ b.T
        for layer in range(c["layers"]):
            p = f"blk.{layer}."
            y = self.norm(p + "attn_norm", x)
            q = self.linear(p + "attn_q", y, c["heads"] * c["head_size"])
            k = self.linear(p + "attn_k", y, c["kv_heads"] * c["head_size"])
            v = self.linear(p + "attn_v", y, c["kv_heads"] * c["head_size"])
            x = x + self.linear(p + "attn_output", self.attention(q, k, v), c["width"])
            y = self.norm(p + "ffn_norm", x)
            gate = torch.nn.functional.silu(self.linear(p + "ffn_gate", y, c["feed_forward"]))
            up = self.linear(p + "ffn_up", y, c["feed_forward"])
            x = x + self.linear(p + "ffn_down", gate * up, c["width"])
        x = self.norm("output_norm", x)
        return x @ embedding.T if c["tied"] else self.linear("output", x, c["vocabulary"])


def line(key, values):
    if isinstance(values, torch.Tensor):
        values = values.flatten().tolist()
    values = values if isinstance(values, (list, tuple)) else [values]
    print(key, *(f"{v:.14g}" if isinstance(v, float) else v for v in values))


def main():
    for name, config in CASES.items():
        model = Model(config)
        logits = model.logits()
        losses = torch.nn.functional.cross_entropy(logits, torch.tensor(BATCH["targets"]), reduction="none")
        loss = (losses * torch.tensor(BATCH["weights"])).sum()
        loss.backward()
        line("case", name)
        for key, setting in list(config.items()) + list(BATCH.items()):
            line(key, setting)
        line("loss", loss.item())
        line("logits", logits)
        for tensor, (a, b) in model.pairs.items():
            line(tensor + ".lora_a", a.grad)
            line(tensor + ".lora_b", b.grad)


main()

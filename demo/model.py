"""A llama-architecture transformer in PyTorch, as llama.cpp computes it (interleaved RoPE, no biases)."""

import math

import torch
import torch.nn.functional as F

VOCABULARY = 258  # the 256 byte values, then <s> and </s>
BOS, EOS = 256, 257
WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD = 256, 4, 8, 4, 256
HEAD = WIDTH // HEADS
ROPE_BASE, RMS_EPSILON = 10000.0, 1e-5


def q4_0(weight):
    """The values that ggml's Q4_0 keeps: blocks of 32, signed scale in F16, and whole numbers from -8 to 7."""
    blocks = weight.reshape(-1, 32)
    extreme = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))
    scale = (extreme / -8).half().float()
    inverse = torch.where(scale == 0, scale, 1 / scale)
    whole = (blocks * inverse + 8.5).floor().clamp(0, 15) - 8
    return scale, whole


def through_q4_0(weight):
    """The 4-bit values in forward, the identity in backward (a straight-through estimate)."""
    scale, whole = q4_0(weight.detach())
    return weight + ((scale * whole).reshape(weight.shape) - weight).detach()


class Model:
    """Matrices are stored as GGUF names them, with rows first (torch's order is the reverse of ggml's)."""

    def __init__(self, seed):
        generator = torch.Generator().manual_seed(seed)

        def matrix(rows, columns, deviation):
            return (torch.randn(rows, columns, generator=generator) * deviation).requires_grad_()

        kv, deep = KV_HEADS * HEAD, 1 / math.sqrt(2 * LAYERS)
        self.matrices = {"token_embd.weight": matrix(VOCABULARY, WIDTH, 0.5)}
        self.norms = {"output_norm.weight": torch.ones(WIDTH, requires_grad=True)}
        for i in range(LAYERS):
            shapes = {
                "attn_q": (WIDTH, WIDTH, 1), "attn_k": (kv, WIDTH, 1), "attn_v": (kv, WIDTH, 1),
                "attn_output": (WIDTH, WIDTH, deep), "ffn_gate": (FEED_FORWARD, WIDTH, 1),
                "ffn_up": (FEED_FORWARD, WIDTH, 1), "ffn_down": (WIDTH, FEED_FORWARD, deep),
            }
            for name, (rows, columns, gain) in shapes.items():
                self.matrices[f"blk.{i}.{name}.weight"] = matrix(rows, columns, gain / math.sqrt(columns))
            for name in ("attn_norm", "ffn_norm"):
                self.norms[f"blk.{i}.{name}.weight"] = torch.ones(WIDTH, requires_grad=True)
        self.matrices["output.weight"] = matrix(VOCABULARY, WIDTH, 1 / math.sqrt(WIDTH))

    def logits(self, tokens, quantize):
        """Logits [batch, time, vocabulary] of tokens [batch, time]; matrix products run in BF16."""
        w = {n: through_q4_0(m) if quantize else m for n, m in self.matrices.items()}

        def linear(x, name):
            return F.linear(x.bfloat16(), w[name].bfloat16()).float()

        def norm(x, name):
            return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + RMS_EPSILON) * self.norms[name]

        batch, time = tokens.shape
        angles = torch.arange(time)[:, None] * ROPE_BASE ** (-torch.arange(0, HEAD, 2) / HEAD)
        cos, sin = angles.cos(), angles.sin()

        def heads(x, count, rotate):
            x = x.view(batch, time, count, HEAD).transpose(1, 2)
            if rotate:
                even, odd = x[..., 0::2], x[..., 1::2]
                x = torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)
            return x.repeat_interleave(HEADS // count, 1)

        future = torch.full((time, time), -math.inf).triu(1)
        x = F.embedding(tokens, w["token_embd.weight"])
        for i in range(LAYERS):
            p = f"blk.{i}."
            h = norm(x, p + "attn_norm.weight")
            q = heads(linear(h, p + "attn_q.weight"), HEADS, True)
            k = heads(linear(h, p + "attn_k.weight"), KV_HEADS, True)
            v = heads(linear(h, p + "attn_v.weight"), KV_HEADS, False)
            a = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(HEAD) + future, -1) @ v
            x = x + linear(a.transpose(1, 2).reshape(batch, time, WIDTH), p + "attn_output.weight")
            h = norm(x, p + "ffn_norm.weight")
            gated = F.silu(linear(h, p + "ffn_gate.weight")) * linear(h, p + "ffn_up.weight")
            x = x + linear(gated, p + "ffn_down.weight")
        return linear(norm(x, "output_norm.weight"), "output.weight")

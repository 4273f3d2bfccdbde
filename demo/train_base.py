"""Trains the demo's base model from scratch and writes it as a Q4_0 GGUF. See README.md."""

import argparse
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import gguf_writer
import model as llama
import tasks

BATCH, LENGTH = 64, 28
PEAK_RATE, WARM_UP, DECAY = 2e-3, 100, 0.05
QUANTIZED_FROM = 0.6  # from this share of the steps on, the forward pass sees the 4-bit values


def batch_of(stream):
    """Tokens and labels [BATCH, LENGTH]: <s> prompt completion </s>; only the completion is a label."""
    tokens = torch.full((BATCH, LENGTH + 1), llama.EOS)
    labels = torch.full((BATCH, LENGTH + 1), -100)
    longest = 0
    for row in range(BATCH):
        _, prompt, completion = next(stream)
        ids = [llama.BOS, *prompt.encode(), *completion.encode(), llama.EOS]
        tokens[row, : len(ids)] = labels[row, : len(ids)] = torch.tensor(ids)
        labels[row, : 1 + len(prompt)] = -100
        longest = max(longest, len(ids))
    return tokens[:, : longest - 1], labels[:, 1:longest]


def learning_rate(step, steps):
    """A linear rise, then a cosine to zero."""
    return PEAK_RATE * min((step + 1) / WARM_UP, 0.5 * (1 + math.cos(math.pi * step / steps)))


@torch.no_grad()
def exact_match(model, known, seed, count=50):
    """The share of held-out prompts that greedy decoding answers exactly, by task."""
    result = {}
    for name in known:
        stream = tasks.examples({name: known[name]}, seed, True)
        chosen = [next(stream) for _ in range(count)]
        right = 0
        for width in {len(p) for _, p, _ in chosen}:
            group = [(p, c) for _, p, c in chosen if len(p) == width]
            ids = torch.tensor([[llama.BOS, *p.encode()] for p, _ in group])
            for _ in range(max(len(c) for _, c in group) + 1):
                ids = torch.cat((ids, model.logits(ids, True)[:, -1].argmax(-1, keepdim=True)), 1)
            for row, (_, completion) in zip(ids[:, width + 1 :].tolist(), group):
                right += row[: len(completion) + 1] == [*completion.encode(), llama.EOS]
        result[name] = right / count
    return result


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=Path(__file__).parent / "base.gguf")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--steps", type=int, default=1600)
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)

    model = llama.Model(options.seed)
    optimizer = torch.optim.AdamW(
        [{"params": list(model.matrices.values()), "weight_decay": DECAY},
         {"params": list(model.norms.values()), "weight_decay": 0.0}], betas=(0.9, 0.98))
    stream = tasks.examples(tasks.KNOWN, options.seed, False)
    for step in range(options.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, options.steps)
        tokens, labels = batch_of(stream)
        logits = model.logits(tokens, step >= QUANTIZED_FROM * options.steps)
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*model.matrices.values(), *model.norms.values()], 1.0)
        optimizer.step()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}  loss {loss.item():.4f}  {time.process_time():.0f} s of processor time", flush=True)
        if (step + 1) % 800 == 0:
            print(exact_match(model, tasks.KNOWN, options.seed + 1), flush=True)

    gguf_writer.write_model(options.output, model)
    print(f"{options.output}: {options.output.stat().st_size} bytes, "
          f"{sum(m.numel() for m in [*model.matrices.values(), *model.norms.values()])} weights")
    print("exact match, held out:", exact_match(model, tasks.KNOWN, options.seed + 2, 200))
    print("the new task:", exact_match(model, tasks.NEW, options.seed + 2, 200))


if __name__ == "__main__":
    main()

"""Training steps of transformers with PEFT on an NVIDIA card, for run, which starts it where torch is installed:

    torch_step.py S|8B CONTEXT STEPS

The base is in BF16 with gradient checkpointing, the rank is 16 on all linear layers. Prints a line of JSON.
"""
import json
import sys
import time

import torch

import anchor_torch

RANK = 16
anchor_torch.SHAPES["8B"] = (32, 4096, 14336, 32, 8)


def main():
    shape, context, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if torch.cuda.is_available():
        torch.set_default_device("cuda")
    torch.set_default_dtype(torch.bfloat16)  # 8B in F32, even for a moment, is too much for most cards
    torch.manual_seed(1)
    loss, trained = anchor_torch.peft_loss(anchor_torch.SHAPES[shape], torch.bfloat16, context, RANK, True)
    optimizer = torch.optim.AdamW(trained, lr=2e-4)
    tokens = torch.randint(0, anchor_torch.VOCABULARY, (context + 1,))
    seconds = []
    for _ in range(anchor_torch.WARM_UPS + steps):
        start = time.perf_counter()
        value = loss(tokens)
        value.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        value.item()  # waits for the device
        seconds.append(time.perf_counter() - start)
    report = {"seconds": seconds[anchor_torch.WARM_UPS:], "torch": torch.__version__}
    if torch.cuda.is_available():
        report["device"] = torch.cuda.get_device_name()
        report["peak_bytes"] = torch.cuda.max_memory_reserved()
    print(json.dumps(report))


if __name__ == "__main__":
    main()

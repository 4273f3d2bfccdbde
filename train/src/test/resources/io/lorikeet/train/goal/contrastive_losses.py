"""Writes contrastive_losses.json: losses of pooled states and their gradients, as PyTorch computes them in float64.

The loss is that of sentence-transformers' MultipleNegativesRankingLoss: the cross-entropy of cosines times a scale,
here 1 / temperature; that of each query, where its mean over queries is the loss. The states go through a root mean
square norm, are pooled and scaled to length 1, as in a transformer with a pooling layer. Needs torch:

    python contrastive_losses.py > contrastive_losses.json
"""

import json

import torch
from torch.nn.functional import cosine_similarity, cross_entropy, rms_norm

SIZE = 6
EPSILON = 1e-5
LENGTHS = [[3, 2], [1, 4, 2], [5, 1, 3]]  # of a query, its passage, and a negative
torch.manual_seed(5)


def case(pooling, temperature):
    norm = (1 + 0.3 * torch.randn(SIZE)).float().double()
    lines = [[torch.randn(n, SIZE).float().double().requires_grad_() for n in line] for line in LENGTHS]

    def embedding(states):
        normed = rms_norm(states, (SIZE,), norm, EPSILON)
        return normed[-1] if pooling == "LAST" else normed.mean(0)

    queries = torch.stack([embedding(line[0]) for line in lines])
    passages = [embedding(line[1]) for line in lines]
    negatives = [embedding(text) for line in lines for text in line[2:]]
    scores = cosine_similarity(queries[:, None], torch.stack(passages + negatives)[None], dim=-1)
    losses = cross_entropy(scores / temperature, torch.arange(len(lines)), reduction="none")
    losses.sum().backward()
    return {
        "pooling": pooling,
        "temperature": temperature,
        "norm": norm.tolist(),
        "lines": [[text.tolist() for text in line] for line in lines],
        "losses": losses.tolist(),
        "gradients": [[text.grad.tolist() for text in line] for line in lines],
    }


print(json.dumps([case(pooling, t) for pooling, t in [("LAST", 0.05), ("MEAN", 0.05), ("MEAN", 1.0)]]))

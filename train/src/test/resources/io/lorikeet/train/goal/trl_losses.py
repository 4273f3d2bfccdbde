"""Writes trl_losses.json: what TRL's trainers come to for some answers' log probabilities.

The trainers' own functions run on logits in float64; derivatives by an answer's log probability are those by the logit
of its first token, divided by 1 - p of that token. Needs trl, torch and transformers:

    python trl_losses.py > trl_losses.json
"""

import collections
import json
import os
import sys
import types

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
import torch
import trl
from trl.experimental.cpo.cpo_trainer import CPOTrainer
from trl.experimental.orpo.orpo_trainer import ORPOTrainer
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_trainer import KTOTrainer

VOCABULARY = 7
LENGTH = 12
torch.manual_seed(3)


class Accelerator:
    device = torch.device("cpu")

    def gather(self, value):
        return value

    gather_for_metrics = gather


def trainer(**settings):
    return types.SimpleNamespace(
        accelerator=Accelerator(),
        model=types.SimpleNamespace(training=True),
        _metrics={"train": collections.defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
        aux_loss_enabled=False,
        precompute_ref_logps=True,
        **settings,
    )


def sequences(lengths):
    """Prompts of 3 tokens, and answers of these lengths."""
    ids = torch.randint(0, VOCABULARY, (len(lengths), LENGTH))
    mask = torch.zeros(len(lengths), LENGTH, dtype=torch.long)
    for row, length in enumerate(lengths):
        mask[row, 3 : 3 + length] = 1
    return ids, mask, torch.randn(len(lengths), LENGTH, VOCABULARY, dtype=torch.float64, requires_grad=True)


def log_probabilities(ids, mask, logits):
    each = torch.log_softmax(logits[:, :-1].detach(), -1).gather(2, ids[:, 1:, None])[..., 0]
    return (each * mask[:, 1:]).sum(1)


def derivatives(ids, logits):
    token = ids[:, 3]
    p = torch.softmax(logits[:, 2].detach(), -1)
    rows = torch.arange(len(token))
    return logits.grad[rows, 2, token] / (1 - p[rows, token])


def pair_case(method, lengths, loss_types, weights, **settings):
    ids, mask, logits = sequences(lengths)
    logps = log_probabilities(ids, mask, logits)
    reference = logps + torch.randn(2, dtype=torch.float64)
    me = trainer(
        f_divergence_type="reverse_kl", ld_alpha=None, use_weighting=False, label_smoothing=0.0,
        loss_types=loss_types, loss_weights=weights, beta=settings["beta"],
    )
    inputs = dict(
        input_ids=ids, attention_mask=torch.ones_like(ids), completion_mask=mask,
        ref_chosen_logps=reference[:1], ref_rejected_logps=reference[1:],
    )
    model = lambda **_: types.SimpleNamespace(logits=logits)
    loss = DPOTrainer._compute_loss(me, model, inputs, False)
    loss.backward()
    metrics = me._metrics["train"]
    return dict(
        method=method, settings=settings, tokens=lengths, logps=logps.tolist(), reference=reference.tolist(),
        loss=loss.item(), derivatives=derivatives(ids, logits).tolist(),
        rewards=[metrics["rewards/chosen"][0], metrics["rewards/rejected"][0]],
    )


def odds_case(method, lengths, function, **settings):
    tokens = torch.tensor(lengths, dtype=torch.float64)
    logps = (-3 * torch.rand(2, dtype=torch.float64) * tokens).requires_grad_()
    means = logps / tokens
    loss, chosen, rejected = function(means[:1], means[1:])
    loss.sum().backward()
    return dict(
        method=method, settings=settings, tokens=lengths, logps=logps.tolist(), reference=[0, 0],
        loss=loss.item(), derivatives=logps.grad.tolist(), rewards=[chosen.item(), rejected.item()],
    )


def simpo(lengths, **settings):
    me = types.SimpleNamespace(
        alpha=0.0, loss_type="simpo", simpo_gamma=settings["gamma"], beta=settings["beta"],
        label_smoothing=settings["label-smoothing"], accelerator=Accelerator(),
    )
    return odds_case("simpo", lengths, lambda c, r: CPOTrainer.cpo_loss(me, c, r), **settings)


def orpo(lengths, **settings):
    me = types.SimpleNamespace(beta=settings["beta"], accelerator=Accelerator())

    def loss(chosen, rejected):
        losses, a, b, _, _ = ORPOTrainer.odds_ratio_loss(me, chosen, rejected)
        return -losses - chosen, a, b  # the answer's own mean loss, as the paper adds it

    return odds_case("orpo", lengths, loss, **settings)


def smoothed(lengths, **settings):
    """DPO with a share of wrong pairs, as CPO's trainer has it, of log ratios."""
    me = types.SimpleNamespace(
        alpha=0.0, loss_type="sigmoid", beta=settings["beta"], label_smoothing=settings["label-smoothing"],
        accelerator=Accelerator(),
    )
    tokens = torch.tensor(lengths, dtype=torch.float64)
    reference = -2 * tokens
    logps = (reference + torch.randn(2, dtype=torch.float64)).requires_grad_()
    ratios = logps - reference
    loss, chosen, rejected = CPOTrainer.cpo_loss(me, ratios[:1], ratios[1:])
    loss.sum().backward()
    return dict(
        method="dpo", settings=settings, tokens=lengths, logps=logps.tolist(), reference=reference.tolist(),
        loss=loss.item(), derivatives=logps.grad.tolist(), rewards=[chosen.item(), rejected.item()],
    )


def kto(lengths, labels, **settings):
    ids, mask, logits = sequences(lengths)
    logps = log_probabilities(ids, mask, logits)
    reference = logps + torch.randn(len(lengths), dtype=torch.float64)
    mismatched = torch.randn(len(lengths), dtype=torch.float64) - 9
    ofReference = mismatched - torch.rand(len(lengths), dtype=torch.float64) + settings.pop("shift")
    me = trainer(
        loss_type="kto", calculate_KL=True, beta=settings["beta"], desirable_weight=settings["desirable-weight"],
        undesirable_weight=settings["undesirable-weight"], _compute_kl_logps=lambda model, batch: mismatched,
    )
    inputs = dict(
        input_ids=ids, attention_mask=torch.ones_like(ids), completion_mask=mask, label=torch.tensor(labels),
        ref_logps=reference, ref_KL_logps=ofReference,
    )
    model = lambda **_: types.SimpleNamespace(logits=logits)
    loss = KTOTrainer._compute_loss(me, model, inputs, False)
    loss.backward()
    return dict(
        method="kto", settings=settings, tokens=lengths, labels=labels, logps=logps.tolist(),
        reference=reference.tolist(), mismatched=mismatched.tolist(), mismatched_reference=ofReference.tolist(),
        loss=loss.item(), derivatives=derivatives(ids, logits).tolist(),
        rewards=[me._metrics["train"]["rewards/chosen"][0], me._metrics["train"]["rewards/rejected"][0]],
    )


cases = [
    pair_case("dpo", [5, 8], ["sigmoid"], [1.0], beta=0.1),
    pair_case("dpo", [9, 2], ["sigmoid"], [1.0], beta=1.5),
    pair_case("dpo", [4, 6], ["sigmoid", "sft"], [1.0, 0.3], beta=0.1, **{"sft-weight": 0.3}),
    smoothed([3, 6], beta=0.4, **{"label-smoothing": 0.2}),
    pair_case("ipo", [5, 8], ["ipo"], [1.0], beta=0.1),
    pair_case("ipo", [7, 3], ["ipo"], [1.0], beta=0.7),
    simpo([5, 8], beta=2.0, gamma=1.0, **{"label-smoothing": 0.0}),
    simpo([8, 3], beta=2.5, gamma=1.4, **{"label-smoothing": 0.1}),
    orpo([5, 8], beta=0.1),
    orpo([8, 4], beta=0.5),
    kto([5, 8, 3, 6], [True, False, False, True], shift=0.0, beta=0.1,
        **{"desirable-weight": 1.0, "undesirable-weight": 1.0}),
    kto([4, 4, 7], [True, False, True], shift=0.0, beta=0.6,
        **{"desirable-weight": 1.5, "undesirable-weight": 0.5}),
    kto([4, 5], [False, True], shift=3.0, beta=0.3, **{"desirable-weight": 1.0, "undesirable-weight": 2.0}),
]
json.dump(dict(trl=trl.__version__, torch=torch.__version__.split("+")[0], cases=cases), sys.stdout, indent=1)
print()

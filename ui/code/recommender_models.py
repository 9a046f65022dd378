"""The recommender's models as code to take home."""

from __future__ import annotations

from sim.recommender.records import Settings
from sim.recommender.size import BESIDE_FACTORS

_HISTORY = """\
# for each user at most {most} rated items, drawn at random, and how far above the user's mean
history, liking = torch.full((n_users, {most}), -1), torch.zeros(n_users, {most})
counts = user[train].bincount(minlength=n_users).tolist()
for one, rows in enumerate(train[user[train].argsort()].split(counts)):
    some = rows[torch.randperm(len(rows))[:{most}]]
    history[one, : len(some)] = item[some]
    liking[one, : len(some)] = rating[some] - rating[rows].mean()"""

_NAMES = {"dot": "DotProduct", "ncf": "NeuralCF", "neumf": "NeuMF", "attention": "Attention"}


def history(settings: Settings) -> list[str]:
    """What the model looks at beside its weights, where it does."""
    return [_HISTORY.format(most=settings.max_history)] if settings.model == "attention" else []


def call(settings: Settings, dropout: str) -> str:
    """The line that makes the model; `dropout` names its argument, where it has one."""
    return f"{_NAMES[settings.model]}({dropout})"


def definition(settings: Settings, dropout: str | None) -> str:
    """The model's class; `dropout` is its probability as code, None for a model without."""
    argument = ", dropout" if dropout == "dropout" else ""
    parts = {"dot": _dot, "ncf": _ncf, "neumf": _neumf, "attention": _attention}
    tables, forward = parts[settings.model](settings, dropout)
    lines = [
        "",
        f"class {_NAMES[settings.model]}(nn.Module):",
        f"    def __init__(self{argument}):",
        "        super().__init__()",
        *(f"        {line}" for line in tables),
        "",
        "    def forward(self, u, i):",
        *(f"        {line}" for line in forward),
        "        return 5.5 * torch.sigmoid(z)",
        "",
    ]
    return "\n".join(lines)


def _table(name: str, rows: str, columns: int) -> str:
    return f"self.{name} = nn.Embedding({rows}, {columns})"


def _drop(product: str, dropout: str | None) -> str:
    return f"self.dropout({product})" if dropout else f"({product})"


def _dropping(dropout: str | None) -> list[str]:
    return [f"self.dropout = nn.Dropout({dropout})"] if dropout else []


_BIASES = [_table("user_bias", "n_users", 1), _table("item_bias", "n_items", 1)]
_WITH_BIASES = "+ self.user_bias(u)[:, 0] + self.item_bias(i)[:, 0]"


def _dot(settings: Settings, dropout: str | None) -> tuple[list[str], list[str]]:
    k = settings.n_factors
    tables = [_table("user", "n_users", k), _table("item", "n_items", k), *_BIASES]
    forward = [
        f"product = {_drop('self.user(u) * self.item(i)', dropout)}.sum(dim=1)",
        f"z = product {_WITH_BIASES}",
    ]
    return [*tables, *_dropping(dropout)], forward


def _layers(settings: Settings, inputs: int, dropout: str | None) -> list[str]:
    lines, width = ["self.layers = nn.Sequential("], 2 * inputs
    for hidden in settings.hidden:
        lines += [f"    nn.Linear({width}, {hidden}),", "    nn.ReLU(),"]
        lines += [f"    nn.Dropout({dropout}),"] if dropout else []
        width = hidden
    return [*lines, f"    nn.Linear({width}, 1),", ")"]


def _ncf(settings: Settings, dropout: str | None) -> tuple[list[str], list[str]]:
    k = settings.n_factors
    tables = [_table("user", "n_users", k), _table("item", "n_items", k)]
    forward = ["z = self.layers(torch.cat([self.user(u), self.item(i)], dim=1))[:, 0]"]
    return [*tables, *_layers(settings, k, dropout)], forward


def _neumf(settings: Settings, dropout: str | None) -> tuple[list[str], list[str]]:
    k, beside = settings.n_factors, min(settings.n_factors, BESIDE_FACTORS)
    tables = [
        *(_table("user", "n_users", k), _table("item", "n_items", k), *_BIASES),
        *(_table("user_beside", "n_users", beside), _table("item_beside", "n_items", beside)),
    ]
    forward = [
        "product = (self.user(u) * self.item(i)).sum(dim=1)",
        "both = torch.cat([self.user_beside(u), self.item_beside(i)], dim=1)",
        f"z = product {_WITH_BIASES} + self.layers(both)[:, 0]",
    ]
    return [*tables, *_layers(settings, beside, dropout)], forward


def _attention(settings: Settings, dropout: str | None) -> tuple[list[str], list[str]]:
    k = settings.n_factors
    tables = [_table("item", "n_items", k), _table("taste", "n_items", k), *_BIASES]
    forward = [
        "rated, q = history[u], self.item(i)",
        "absent = (rated < 0) | (rated == i[:, None])  # a rating never predicts itself",
        "y = self.taste(rated.clamp(min=0))",
        f"score = (y @ q[:, :, None])[:, :, 0] / {k}**0.5",
        "attention = torch.softmax(score.masked_fill(absent, -1e9), dim=1)",
        "attention = attention.masked_fill(absent, 0.0) * liking[u]",
        "person = (attention[:, None] @ y)[:, 0]",
        f"z = {_drop('person * q', dropout)}.sum(dim=1) {_WITH_BIASES}",
    ]
    return [*tables, *_dropping(dropout)], forward

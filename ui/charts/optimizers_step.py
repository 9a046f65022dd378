"""One step of Adam and of AdamW as a table: each formula with its numbers, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from sim.optimizers import Adam, AdamW, State, Step
from ui import theme
from ui.i18n import _

CSS = """
.opening { container-type: inline-size; }
.opened { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr 1fr;
  font-variant-numeric: tabular-nums; font-size: .92rem; line-height: 1.3; }
.opened > * { padding: .3rem .7rem; border-bottom: 1px solid var(--st-border-color, #8884); }
.opened .head { font-weight: 600; font-size: 1rem; }
.opened .formula small { display: block; opacity: .85; }
.opened p { margin: 0; display: flex; gap: .35em; font-size: inherit; line-height: inherit; }
.opened p i { opacity: .65; font-style: normal; min-width: 1.5em; }
.opened p b { margin-left: auto; font-weight: 600; }
.opened em { font-style: normal; padding: 0 .2em; border-radius: .25em;
  background: color-mix(in srgb, L2 35%, transparent); }
@container (min-width: 1120px) { /* a projector: both weights on one line */
  .opened { grid-template-columns: max-content 1fr 1fr; font-size: .74rem; }
  .opened .head { font-size: .85rem; }
  .opened > * { padding: .3rem .45rem; }
  .opened .cell { display: grid; grid-template-columns: 1fr 1fr; gap: .9rem; }
  .opened p { white-space: nowrap; }
  .opened .formula small { display: none; }
  .opened p i { min-width: 1em; }
}
@container (max-width: 600px) {
  .opened { grid-template-columns: 1fr 1fr; font-size: .8rem; }
  .opened .corner, .opened .head { grid-row: auto; }
  .opened .corner { grid-column: 1 / -1; }
  .opened .formula { grid-column: 1 / -1; border: 0; padding-bottom: 0; font-weight: 600; }
  .opened .formula small { display: inline; font-weight: 400; margin-left: .6em; }
  .opened > * { padding: .3rem .25rem; }
  .opened p { flex-wrap: wrap; }
}
""".replace("L2", theme.LIGHT["l2"])  # readable under either theme's ink

Cell = Callable[[Step, int], tuple[str, float | None]]
"""Of a step and a coordinate: the formula with its numbers in it, and what they make."""


def number(value: float) -> str:
    """Three significant digits, with a minus sign that is as wide as a digit."""
    size = abs(value)
    if 0 < size < 1e-3 or size >= 1e5:
        text = f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e")
    else:
        text = f"{value:.0f}" if value == 0 or size >= 999.5 else f"{value:#.3g}".rstrip(".")
    return text.replace("-", "−")


def factor(value: float) -> str:
    """A number as it stands behind a sign: negative ones in brackets."""
    return f"({number(value)})" if value < 0 else number(value)


def table(adam: Adam, adamw: AdamW, steps: tuple[Step, Step], before: tuple[State, State]) -> str:
    """HTML of one step of Adam and AdamW side by side; `before` is what each remembered then."""
    heads = "".join(
        f'<div class="head">{escape(name)}</div>' for name in (_("Adam, L2 in the loss"), "AdamW")
    )
    title = _("step t = {t}").format(t=steps[0].step)
    rows = [f'<div class="head corner">{escape(title)}</div>{heads}']
    for key, formula, remark, cells in _rows(adam, adamw, before):
        shown = "".join(
            f'<div class="cell">{_cell(f"{rule}_{key}", cell, step)}</div>'
            for rule, cell, step in zip(("adam", "adamw"), cells, steps, strict=True)
        )
        rows.append(f'<div class="formula">{formula}<small>{escape(remark)}</small></div>{shown}')
    return (
        f'<style>{CSS}</style><div class="opening"><div class="opened">{"".join(rows)}</div></div>'
    )


def _cell(key: str, cell: Cell, step: Step) -> str:
    lines = []
    for coordinate, name in enumerate(("w₁", "w₂")):
        text, value = cell(step, coordinate)
        result = "" if value is None else f'<b class="{key}_{coordinate + 1}">{number(value)}</b>'
        lines.append(f"<p><i>{name}</i><span>{text}</span>{result}</p>")
    return "".join(lines)


def _rows(
    adam: Adam, adamw: AdamW, before: tuple[State, State]
) -> Iterator[tuple[str, str, str, tuple[Cell, Cell]]]:
    """Key, formula, remark and the two cells of each row."""
    beta1, beta2 = adam.betas
    rate, decay = float(adam.learning_rate), float(adam.weight_decay)  # type: ignore[arg-type]

    def mark(text: str) -> str:
        return f"<em>{text}</em>"

    def with_l2(step: Step, i: int) -> tuple[str, float]:
        penalty = mark(f"{decay:g}·{factor(step.before[i])}")
        return f"{number(step.gradient[i])} + {penalty} =", step.total_gradient[i]

    def without_l2(step: Step, i: int) -> tuple[str, float]:
        return "∂L/∂w =", step.total_gradient[i]

    def mean(past: State) -> Cell:
        def cell(step: Step, i: int) -> tuple[str, float]:
            new = f"{1 - beta1:.3g}·{factor(step.total_gradient[i])}"
            return f"{beta1:g}·{factor(past.m[i])} + {new} =", step.m[i]

        return cell

    def square(past: State) -> Cell:
        def cell(step: Step, i: int) -> tuple[str, float]:
            new = f"{1 - beta2:.3g}·{factor(step.total_gradient[i])}²"
            return f"{beta2:g}·{factor(past.v[i])} + {new} =", step.v[i]

        return cell

    def corrected_mean(step: Step, i: int) -> tuple[str, float]:
        return f"{number(step.m[i])} / {number(step.m_correction)} =", step.m_hat[i]

    def corrected_square(step: Step, i: int) -> tuple[str, float]:
        return f"{number(step.v[i])} / {number(step.v_correction)} =", step.v_hat[i]

    def way(step: Step, i: int) -> tuple[str, float]:
        text = f"{rate:g}·{factor(step.m_hat[i])} / √{number(step.v_hat[i])} ="
        return text, rate * step.direction[i]

    def divided(step: Step, i: int) -> tuple[str, float]:
        text = (
            f"{rate:g}·{mark(f'{decay:g}·{factor(step.before[i])}')} / √{number(step.v_hat[i])} ="
        )
        root = step.v_hat[i] ** 0.5 + adam.eps
        return text, rate * decay * step.before[i] / root

    def undivided(step: Step, i: int) -> tuple[str, float]:
        return f"{rate:g}·{mark(f'{decay:g}·{factor(step.before[i])}')} =", step.decay[i]

    def after(step: Step, i: int) -> tuple[str, float]:
        move = factor(rate * step.direction[i])
        return f"{number(step.before[i])} − {move} =", step.after[i]

    def after_decay(step: Step, i: int) -> tuple[str, float]:
        move, held = factor(rate * step.direction[i]), factor(step.decay[i])
        return f"{number(step.before[i])} − {move} − {mark(held)} =", step.after[i]

    yield "g", "g", _("gradient"), (with_l2, without_l2)
    yield "m", "m ← β₁m + (1 − β₁)g", _("mean of gradients"), (mean(before[0]), mean(before[1]))
    yield (
        "v",
        "v ← β₂v + (1 − β₂)g²",
        _("mean of their squares"),
        (square(before[0]), square(before[1])),
    )
    yield "m_hat", "m̂ = m / (1 − β₁ᵗ)", _("bias corrected"), (corrected_mean, corrected_mean)
    yield "v_hat", "v̂ = v / (1 − β₂ᵗ)", _("bias corrected"), (corrected_square, corrected_square)
    yield "step", "α·m̂ / (√v̂ + ε)", _("the step"), (way, way)
    yield "decay", f"α·{mark('λw')}", _("what decay does to w now"), (divided, undivided)
    yield "after", "w ← w − …", _("new weight"), (after, after_decay)

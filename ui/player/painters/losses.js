// Curves that grow with the epochs, on a logarithmic axis, over a faint copy of themselves: how it
// ends stands there from the start. `figure` has
//   curves  [{role, name, values, dash?, cross?}]: one value per epoch from 0 on, fewer where a run
//           diverged; `cross` marks that end
//   epochs  the length of the axis; decades: [from, to], the powers of ten of the other,
//           on whose lower edge lies what is below it
//   axes    {x, y}; words {caption, lost}: with {i} for the epoch and {0}, {1}, … for the
//           curves' values; `lost` is what is said past a cross

painters.losses = (() => {
  const SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const power = (k) => `10${k < 0 ? "⁻" : ""}${[...String(Math.abs(k))].map((c) => SUPER[c]).join("")}`;
  const short = (value) => (value >= 1e-3 && value < 1e5 ? String(Number(value.toPrecision(3))) : value.toExponential(1)).replace(/e([+-]?)/, (_, s) => `e${s === "-" ? "−" : ""}`);

  function legend(ctx, figure, width, unit) {
    let x = 0, y = 0;
    return figure.curves.map(({ name }) => {
      const length = 40 * unit + ctx.measureText(name).width + 18 * unit;
      if (x && x + length > width) { x = 0; y += 1; }
      x += length;
      return { x: x - length, y };
    });
  }

  function axes(ctx, figure, plot, place, unit, look) {
    ctx.strokeStyle = look.muted; ctx.fillStyle = look.text; ctx.lineWidth = 1;
    ctx.textAlign = "right"; ctx.textBaseline = "middle";
    const [low, high] = figure.decades;
    for (let k = low; k <= high; k += 2) {
      ctx.globalAlpha = 0.35; ctx.beginPath();
      ctx.moveTo(plot.left, place.y(10 ** k)); ctx.lineTo(plot.right, place.y(10 ** k)); ctx.stroke();
      ctx.globalAlpha = 1;
      const below = k === low && figure.curves.some(({ values }) => values.some((value) => value < 10 ** low));
      ctx.fillText(`${below ? "≤ " : ""}${power(k)}`, plot.left - 8, place.y(10 ** k));
    }
    ctx.textAlign = "center"; ctx.textBaseline = "top";
    for (let epoch = 0; epoch <= figure.epochs; epoch += 20)
      ctx.fillText(epoch, place.x(epoch), plot.bottom + 7);
    ctx.fillText(figure.axes.x, (plot.left + plot.right) / 2, plot.bottom + 7 + 16 * unit);
    ctx.save();
    ctx.translate(12 * unit, (plot.top + plot.bottom) / 2); ctx.rotate(-Math.PI / 2);
    ctx.textBaseline = "middle"; ctx.fillText(figure.axes.y, 0, 0);
    ctx.restore();
  }

  function line(ctx, curve, place, until) {
    ctx.beginPath();
    curve.values.forEach((value, i) => {
      if (i <= until) ctx[i ? "lineTo" : "moveTo"](place.x(i), place.y(value));
    });
    const i = Math.floor(until);
    if (i < until && i + 1 < curve.values.length) ctx.lineTo(...tip(curve, place, until));
    ctx.stroke();
  }

  function tip(curve, place, until) {
    const i = Math.min(Math.floor(until), curve.values.length - 1), next = Math.min(i + 1, curve.values.length - 1);
    const share = Math.min(until - i, 1), [a, b] = [place.y(curve.values[i]), place.y(curve.values[next])];
    return [place.x(i + share * (next - i)), a + (b - a) * share];
  }

  function frame(ctx, box, figure, from, to, t, look) {
    const unit = Math.min(parseFloat(getComputedStyle(document.documentElement).fontSize) / 16, 1.3);
    ctx.font = `${13 * unit}px ${look.font}`;
    const left = 62 * unit, keys = legend(ctx, figure, box.width - left, unit);
    const plot = { left, right: box.width - 14, top: (30 + 22 * keys.at(-1).y) * unit, bottom: box.height - 42 * unit };
    const [low, high] = figure.decades;
    const place = {
      x: (epoch) => plot.left + (epoch / figure.epochs) * (plot.right - plot.left),
      y: (value) => plot.bottom - ((Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * (plot.bottom - plot.top),
    };
    axes(ctx, figure, plot, place, unit, look);
    const until = to === from + 1 ? from + t : to;
    figure.curves.forEach((curve, number) => {
      const key = keys[number], y = (13 + 22 * key.y) * unit;
      ctx.strokeStyle = ctx.fillStyle = look[curve.role];
      ctx.lineWidth = 2.8 * unit; ctx.setLineDash(curve.dash ?? []); ctx.lineJoin = "round";
      ctx.beginPath(); ctx.moveTo(left + key.x, y); ctx.lineTo(left + key.x + 32 * unit, y); ctx.stroke();
      ctx.save();
      ctx.beginPath(); ctx.rect(plot.left - 2, plot.top, plot.right - plot.left + 10, plot.bottom - plot.top); ctx.clip();
      ctx.globalAlpha = 0.3; line(ctx, curve, place, Infinity);
      ctx.globalAlpha = 1; line(ctx, curve, place, until);
      ctx.restore();
      ctx.setLineDash([]);
      const [x, height] = tip(curve, place, until), at = Math.min(Math.max(height, plot.top), plot.bottom);
      if (curve.cross && until >= curve.values.length - 1) {
        const r = 7 * unit;
        ctx.lineWidth = 3.5 * unit; ctx.beginPath();
        ctx.moveTo(x - r, at - r); ctx.lineTo(x + r, at + r); ctx.moveTo(x - r, at + r); ctx.lineTo(x + r, at - r);
        ctx.stroke();
      } else { ctx.beginPath(); ctx.arc(x, at, 5 * unit, 0, 7); ctx.fill(); }
      ctx.fillStyle = look.text; ctx.textAlign = "left"; ctx.textBaseline = "middle";
      ctx.fillText(curve.name, left + key.x + 40 * unit, y);
    });
    if (figure.curves.some((curve) => curve.cross && to >= curve.values.length)) return figure.words.lost.replace("{i}", to);
    let text = figure.words.caption.replace("{i}", to);
    figure.curves.forEach((curve, number) => { text = text.replace(`{${number}}`, short(curve.values[Math.min(to, curve.values.length - 1)])); });
    return text;
  }

  return { frame, period: 60, smooth: true };
})();

// A fully connected network for each sample, its units on or off. `figure` has sizes (units per
// layer), samples, and kept: for each frame one string of hidden units per sample, in hex.

const painters = {};

painters.network = (() => {
  const bit = (hex, i) => (parseInt(hex[i >> 2], 16) >> (3 - (i & 3))) & 1;

  function layout(box, figure) {
    const columns = Math.min(figure.samples, box.width < 560 ? 2 : 4);
    const rows = Math.ceil(figure.samples / columns);
    const cell = { width: box.width / columns, height: box.height / rows };
    const most = Math.max(...figure.sizes);
    const top = figure.samples > 1 ? 24 : 6;
    const side = Math.min(28, cell.width * 0.08);
    const radius = Math.max(2.5, Math.min(13, (cell.height - top - 6) / (most * 2.5), cell.width / (figure.sizes.length * 4.5)));
    const step = (cell.height - top - 6 - 2 * radius) / Math.max(1, most - 1);
    const units = figure.sizes.map((size, layer) => Array.from({ length: size }, (_, unit) => ({
      x: side + radius + (layer * (cell.width - 2 * (side + radius))) / (figure.sizes.length - 1),
      y: top + radius + step * ((most - size) / 2 + unit),
    })));
    return { columns, cell, units, radius };
  }

  // 1 for a kept unit, 0 for a dropped one; input and output are always kept.
  function alive(figure, frame, sample) {
    let i = 0;
    const hex = figure.kept[frame][sample];
    return figure.sizes.map((size, layer) => Array.from({ length: size }, () =>
      layer === 0 || layer === figure.sizes.length - 1 ? 1 : bit(hex, i++)));
  }

  function frame(ctx, box, figure, from, to, t, colours) {
    const { columns, cell, units, radius } = layout(box, figure);
    let kept = 0, hidden = 0;
    for (let sample = 0; sample < figure.samples; sample++) {
      const before = alive(figure, from, sample), after = alive(figure, to, sample);
      ctx.save();
      ctx.translate((sample % columns) * cell.width, Math.floor(sample / columns) * cell.height);
      if (figure.samples > 1) {
        ctx.fillStyle = colours.text; ctx.globalAlpha = 0.7; ctx.textAlign = "center";
        ctx.font = `13px ${getComputedStyle(ctx.canvas).fontFamily}`;
        ctx.fillText(figure.words.sample.replace("{i}", sample + 1), cell.width / 2, 15);
      }
      // Weights in four groups, by whether they take part before and after: four strokes in all.
      const groups = [new Path2D(), new Path2D(), new Path2D(), new Path2D()];
      for (let layer = 0; layer + 1 < units.length; layer++)
        for (let i = 0; i < units[layer].length; i++)
          for (let j = 0; j < units[layer + 1].length; j++) {
            const was = before[layer][i] & before[layer + 1][j], is = after[layer][i] & after[layer + 1][j];
            groups[2 * was + is].moveTo(units[layer][i].x, units[layer][i].y);
            groups[2 * was + is].lineTo(units[layer + 1][j].x, units[layer + 1][j].y);
          }
      const on = figure.sizes.some((size) => size > 10) ? 0.3 : 0.5, off = 0.06;
      ctx.lineWidth = 1.1;
      [off, off + (on - off) * t, on + (off - on) * t, on].forEach((alpha, group) => {
        ctx.strokeStyle = group ? colours.primary : colours.text;
        ctx.globalAlpha = alpha;
        ctx.stroke(groups[group]);
      });
      units.forEach((layer, l) => layer.forEach(({ x, y }, u) => {
        const outer = l === 0 || l === units.length - 1;
        const life = before[l][u] + (after[l][u] - before[l][u]) * t;
        if (!outer) { hidden += 1; kept += after[l][u]; }
        ctx.beginPath(); ctx.arc(x, y, radius, 0, 7);
        ctx.globalAlpha = 1; ctx.fillStyle = colours.background; ctx.fill();
        ctx.globalAlpha = life; ctx.fillStyle = outer ? colours.text : colours.primary; ctx.fill();
        ctx.globalAlpha = 0.3 + 0.7 * life; ctx.lineWidth = 1.3;
        ctx.strokeStyle = outer || life < 0.5 ? colours.text : colours.primary; ctx.stroke();
        if (life < 1 && radius > 4) { // a cross says "dropped" without colour
          const d = radius * 0.45;
          ctx.globalAlpha = (1 - life) * 0.55; ctx.strokeStyle = colours.text;
          ctx.beginPath(); ctx.moveTo(x - d, y - d); ctx.lineTo(x + d, y + d);
          ctx.moveTo(x - d, y + d); ctx.lineTo(x + d, y - d); ctx.stroke();
        }
      }));
      ctx.restore();
    }
    return figure.words.caption.replace("{i}", to + 1).replace("{kept}", kept).replace("{hidden}", hidden);
  }

  return { frame };
})();

// Points that accumulate, batch by batch, with the share of the coloured ones so far. `figure` has
//   panels [{name, role, centers, weights, codes, counts, shares, ball}]: `centers` and `weights` are
//          base64 of 16-bit thousandths, x and y in turn; a code that is not "0" colours a centre;
//          frame i shows the first counts[i] of them and shares[i]
//   reach  how far the plane goes to each side; axes {x, y}; words {caption, share, zero, none, solution}

painters.cloud = (() => {
  const kept = new WeakMap();
  function numbers(panel) {
    if (!kept.has(panel)) {
      const unpack = (text) => new Int16Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
      kept.set(panel, { centers: unpack(panel.centers), weights: unpack(panel.weights) });
    }
    return kept.get(panel);
  }

  function dots(ctx, points, place, from, to, keep, radius) {
    ctx.beginPath();
    for (let i = from; i < to; i++) {
      if (!keep(i)) continue;
      const x = place.x(points[2 * i] / 1000), y = place.y(points[2 * i + 1] / 1000);
      ctx.moveTo(x + radius, y);
      ctx.arc(x, y, radius, 0, 7);
    }
    ctx.fill();
  }

  function legend(ctx, figure, unit, look) {
    const { words, panels } = figure;
    const marks = [
      [panels.map(({ role }) => look[role]), 1, words.zero], [[look.muted], .55, words.none], [[look.data], 1, words.solution],
    ];
    let x = 8 * unit, y = 10 * unit;
    ctx.textAlign = "left"; ctx.textBaseline = "middle";
    for (const [colours, alpha, name] of marks) {
      const length = (colours.length * 12 + 8) * unit + ctx.measureText(name).width + 16 * unit;
      if (x > 8 * unit && x + length > ctx.canvas.clientWidth) { x = 8 * unit; y += 20 * unit; }
      colours.forEach((colour, i) => {
        ctx.globalAlpha = alpha; ctx.fillStyle = colour;
        ctx.beginPath(); ctx.arc(x + (i * 12 + 4) * unit, y, 4.5 * unit, 0, 7); ctx.fill();
      });
      ctx.globalAlpha = 1; ctx.fillStyle = look.text;
      ctx.fillText(name, x + (colours.length * 12 + 4) * unit, y);
      x += length;
    }
    return y + 14 * unit;
  }

  function frame(ctx, box, figure, from, to, t, look) {
    const unit = Math.min(parseFloat(getComputedStyle(document.documentElement).fontSize) / 16, 1.3);
    ctx.font = `${13 * unit}px ${look.font}`;
    const top = legend(ctx, figure, unit, look), n = figure.panels.length;
    const width = box.width / n, side = Math.min(width - 40 * unit, box.height - top - 74 * unit) / 2, { reach } = figure;
    figure.panels.forEach((panel, k) => {
      const mx = k * width + width / 2 + 12 * unit, my = top + 30 * unit + side;
      const place = { x: (x) => mx + (x / reach) * side, y: (y) => my - (y / reach) * side };
      const { centers, weights } = numbers(panel);
      const before = to === from + 1 ? panel.counts[from] : panel.counts[to], count = Math.round(before + t * (panel.counts[to] - before));
      ctx.strokeStyle = look.border; ctx.lineWidth = 1;
      ctx.strokeRect(mx - side, my - side, 2 * side, 2 * side);
      const radius = Math.max(1.3, side / 100);
      ctx.fillStyle = look.muted; ctx.globalAlpha = .5;
      dots(ctx, centers, place, 0, count, (i) => panel.codes[i] === "0", radius);
      ctx.fillStyle = look[panel.role]; ctx.globalAlpha = .85;
      dots(ctx, centers, place, 0, count, (i) => panel.codes[i] !== "0", radius);
      ctx.globalAlpha = 1;
      const ball = new Path2D();
      for (let i = 0; i < panel.ball.length; i += 2) ball[i ? "lineTo" : "moveTo"](place.x(panel.ball[i]), place.y(panel.ball[i + 1]));
      ctx.fillStyle = look.background; ctx.fill(ball);
      ctx.strokeStyle = look[panel.role]; ctx.lineWidth = 2 * unit; ctx.stroke(ball);
      ctx.fillStyle = look.data;
      dots(ctx, weights, place, 0, count, () => true, radius * 1.1);
      ctx.fillStyle = look.text; ctx.textBaseline = "middle"; ctx.textAlign = "center";
      ctx.font = `600 ${15 * unit}px ${look.font}`;
      const share = (100 * panel.shares[to]).toFixed(1);
      const title = `${panel.name}: ${figure.words.share.replace("{share}", share)}`, fits = ctx.measureText(title).width < width - 28 * unit;
      ctx.fillText(fits ? title : `${panel.name}: ${share} %`, mx, my - side - 14 * unit);
      ctx.font = `${13 * unit}px ${look.font}`;
      ctx.textBaseline = "top";
      for (const tick of [-10, 0, 10]) {
        const text = String(tick).replace("-", "−");
        ctx.textAlign = "center"; ctx.fillText(text, place.x(tick), my + side + 5);
        ctx.textAlign = "right"; ctx.fillText(text, mx - side - 5, place.y(tick) - 6 * unit);
      }
      ctx.textAlign = "center"; ctx.fillText(figure.axes.x, mx, my + side + 5 + 14 * unit);
      ctx.textAlign = "right"; ctx.fillText(figure.axes.y, mx - side - 5, my - side / 2);
    });
    const last = figure.panels[0].counts.length;
    return figure.words.caption.replace("{i}", to + 1).replace("{n}", last);
  }

  return { frame, period: 120, smooth: true };
})();

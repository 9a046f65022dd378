// Gradient descent in several canyons y = a·x² at once, beside the learning rates each one bears.
// `figure` has
//   canyons  [{a, name, x, safe, own}]: the path of x, and whether it comes down; `own` is drawn
//            with a heavier line
//   height   where the descents start; reach: half the width in x; rate: the learning rate
//   rates    [from, to] of the learning rates' axis, ticks: those with a number
//   words    {x, y, ladder, rate, bound, caption, out}

painters.canyon = (() => {
  const TOP = 1.12; // the height of the frame over the start

  function layout(box, figure, unit) {
    const narrow = box.width < 560;
    const wide = narrow ? box.width : box.width * 0.58;
    const high = narrow ? box.height * 0.56 : box.height;
    const plot = { left: 40 * unit, right: wide - 8, top: 38 * unit, bottom: high - 38 * unit };
    const ladder = narrow
      ? { left: 62 * unit, right: box.width - 8, top: high + 26 * unit, bottom: box.height - 38 * unit }
      : { left: wide + 68 * unit, right: box.width - 10, top: 58 * unit, bottom: box.height - 38 * unit };
    const low = Math.log(figure.rates[0]), range = Math.log(figure.rates[1]) - low;
    return {
      plot, ladder,
      x: (x) => (plot.left + plot.right) / 2 + (x / figure.reach) * ((plot.right - plot.left) / 2),
      y: (y) => plot.bottom - (y / (TOP * figure.height)) * (plot.bottom - plot.top),
      rate: (rate) => ladder.left + ((Math.log(rate) - low) / range) * (ladder.right - ladder.left),
    };
  }

  // On the screen, ended by the point where the path leaves the frame, if it does.
  function trace(canyon, place) {
    const { plot } = place, points = [];
    for (const x of canyon.x) {
      const here = [place.x(x), place.y(canyon.a * x * x)], before = points.at(-1);
      if (before && (here[0] < plot.left || here[0] > plot.right || here[1] < plot.top)) {
        const side = here[0] < before[0] ? plot.left : plot.right;
        const share = Math.min((side - before[0]) / (here[0] - before[0]), (plot.top - before[1]) / Math.min(here[1] - before[1], -1e-9));
        points.push([0, 1].map((axis) => before[axis] + share * (here[axis] - before[axis])));
        return { points, out: true };
      }
      points.push(here);
    }
    return { points, out: false };
  }

  function cross(ctx, [x, y], r) {
    ctx.beginPath();
    ctx.moveTo(x - r, y - r); ctx.lineTo(x + r, y + r);
    ctx.moveTo(x - r, y + r); ctx.lineTo(x + r, y - r);
    ctx.stroke();
  }

  function axes(ctx, figure, place, unit, look) {
    const { plot } = place;
    ctx.strokeStyle = look.muted; ctx.fillStyle = look.text; ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(plot.left, plot.top); ctx.lineTo(plot.left, plot.bottom); ctx.lineTo(plot.right, plot.bottom);
    ctx.textAlign = "center"; ctx.textBaseline = "top";
    for (let end = 2 * Math.floor(figure.reach / 2), x = -end; x <= end; x += 2) {
      ctx.moveTo(place.x(x), plot.bottom); ctx.lineTo(place.x(x), plot.bottom + 5);
      ctx.fillText(String(x).replace("-", "−"), place.x(x), plot.bottom + 7);
    }
    ctx.fillText(figure.words.x, (plot.left + plot.right) / 2, plot.bottom + 7 + 15 * unit);
    ctx.textAlign = "right"; ctx.textBaseline = "middle";
    for (let y = 0; y <= TOP * figure.height; y += 5) {
      ctx.moveTo(plot.left, place.y(y)); ctx.lineTo(plot.left - 5, place.y(y));
      ctx.fillText(y, plot.left - 8, place.y(y));
    }
    ctx.stroke();
    ctx.textAlign = "left";
    ctx.fillText(figure.words.y, 2, 9 * unit);
  }

  // One row a canyon: the rates it bears, up to 2/L, and whether the present one is among them.
  function ladder(ctx, figure, place, unit, look) {
    const { ladder: plot } = place, rows = [...figure.canyons].sort((one, other) => one.a - other.a);
    const step = (plot.bottom - plot.top) / rows.length, left = plot.left;
    const labels = [];
    ctx.textBaseline = "middle";
    rows.forEach((canyon, row) => {
      const y = plot.top + (row + 0.5) * step, end = place.rate(1 / canyon.a);
      const colour = canyon.safe ? look.sound : look.overfit;
      const height = Math.min(step * 0.5, 20 * unit);
      ctx.fillStyle = colour; ctx.globalAlpha = canyon.own ? 0.6 : 0.3;
      ctx.fillRect(left, y - height / 2, Math.max(0, end - left), height);
      ctx.globalAlpha = 1; ctx.strokeStyle = colour; ctx.lineWidth = 2.5 * unit;
      ctx.beginPath(); ctx.moveTo(end, y - height / 2 - 3); ctx.lineTo(end, y + height / 2 + 3); ctx.stroke();
      ctx.fillStyle = look.text; ctx.textAlign = "right";
      ctx.font = `${canyon.own ? "bold " : ""}${13 * unit}px ${look.font}`;
      ctx.fillText(canyon.name, left - 8, y);
      const text = figure.words.bound.replace("{rate}", Number((1 / canyon.a).toPrecision(2)));
      const inside = end + 6 + ctx.measureText(text).width > plot.right;
      ctx.textAlign = inside ? "right" : "left";
      labels.push([text, end + (inside ? -7 : 7), y, ctx.textAlign, ctx.font]);
    });
    ctx.font = `${13 * unit}px ${look.font}`;
    ctx.strokeStyle = look.muted; ctx.lineWidth = 1; ctx.textAlign = "center"; ctx.textBaseline = "top";
    ctx.beginPath();
    ctx.moveTo(left, plot.bottom); ctx.lineTo(plot.right, plot.bottom);
    for (const tick of figure.ticks) {
      ctx.moveTo(place.rate(tick), plot.bottom); ctx.lineTo(place.rate(tick), plot.bottom + 5);
      ctx.fillText(tick, place.rate(tick), plot.bottom + 7);
    }
    ctx.stroke();
    ctx.fillText(figure.words.ladder, (left + plot.right) / 2, plot.bottom + 7 + 15 * unit);
    const here = place.rate(figure.rate);
    ctx.strokeStyle = look.text; ctx.lineWidth = 2 * unit; ctx.setLineDash([2, 4]);
    ctx.beginPath(); ctx.moveTo(here, plot.top - 4); ctx.lineTo(here, plot.bottom); ctx.stroke();
    ctx.setLineDash([]);
    ctx.textBaseline = "middle"; ctx.lineJoin = "round";
    for (const [text, x, y, align, font] of labels) { // with a halo over the line of the rate
      ctx.font = font; ctx.textAlign = align;
      if (align === "left") { ctx.strokeStyle = look.background; ctx.lineWidth = 5; ctx.strokeText(text, x, y); }
      ctx.fillText(text, x, y);
    }
    ctx.font = `${13 * unit}px ${look.font}`; ctx.textAlign = "center";
    const half = ctx.measureText(figure.words.rate).width / 2;
    ctx.textBaseline = "bottom";
    ctx.fillText(figure.words.rate, Math.max(left + half - 20, Math.min(here, plot.right - half)), plot.top - 6);
  }

  function canyons(ctx, figure, place, unit, look, from, to, t) {
    const { plot } = place;
    ctx.textBaseline = "bottom"; ctx.textAlign = "center";
    for (const canyon of figure.canyons) {
      ctx.save();
      ctx.beginPath(); ctx.rect(plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top + 2); ctx.clip();
      ctx.strokeStyle = canyon.safe ? look.sound : look.overfit;
      ctx.globalAlpha = canyon.own ? 1 : 0.75; ctx.lineWidth = (canyon.own ? 3.2 : 1.6) * unit;
      ctx.setLineDash(canyon.safe ? [9, 5] : [3, 4]);
      ctx.beginPath();
      const edge = Math.min(figure.reach, Math.sqrt((TOP * figure.height) / canyon.a));
      for (let i = -40; i <= 40; i++) {
        const x = (edge * i) / 40;
        ctx[i > -40 ? "lineTo" : "moveTo"](place.x(x), place.y(canyon.a * x * x));
      }
      ctx.stroke();
      ctx.restore();
      ctx.fillStyle = look.text; ctx.font = `${canyon.own ? "bold " : ""}${13 * unit}px ${look.font}`;
      if (edge < figure.reach) ctx.fillText(canyon.own ? canyon.name : canyon.a, place.x(canyon.own ? edge : -edge), plot.top - 3);
    }
    ctx.font = `${13 * unit}px ${look.font}`;
    for (const canyon of figure.canyons) {
      const { points, out } = trace(canyon, place), last = points.length - 1;
      const now = Math.min(to, last), before = to === from + 1 && to <= last ? from : now;
      const [a, b] = [points[before], points[now]];
      const head = [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
      ctx.strokeStyle = ctx.fillStyle = canyon.safe ? look.sound : look.overfit;
      ctx.globalAlpha = 0.6; ctx.lineWidth = 1.5 * unit; ctx.lineJoin = "round";
      ctx.beginPath();
      points.slice(0, before + 1).forEach((point, i) => ctx[i ? "lineTo" : "moveTo"](...point));
      ctx.lineTo(...head); ctx.stroke();
      ctx.globalAlpha = 0.6;
      for (const point of points.slice(0, before + 1)) { ctx.beginPath(); ctx.arc(...point, 2.5 * unit, 0, 7); ctx.fill(); }
      ctx.globalAlpha = 1;
      if (out && to >= last && (before === now || t === 1)) { ctx.lineWidth = 3.5 * unit; cross(ctx, head, 7 * unit); continue; }
      ctx.beginPath(); ctx.arc(...head, (canyon.own ? 9 : 7) * unit, 0, 7); ctx.fill();
      ctx.strokeStyle = look.background; ctx.lineWidth = 1.5; ctx.stroke();
    }
  }

  function frame(ctx, box, figure, from, to, t, look) {
    const unit = Math.min(parseFloat(getComputedStyle(document.documentElement).fontSize) / 16, 1.3);
    ctx.font = `${13 * unit}px ${look.font}`;
    const place = layout(box, figure, unit);
    axes(ctx, figure, place, unit, look);
    ladder(ctx, figure, place, unit, look);
    canyons(ctx, figure, place, unit, look, from, to, t);
    const own = figure.canyons.find((canyon) => canyon.own);
    const x = own.x[Math.min(to, own.x.length - 1)];
    const gone = trace(own, place).out && to >= trace(own, place).points.length - 1;
    return figure.words[gone ? "out" : "caption"].replace("{i}", to).replace("{x}", x.toPrecision(3).replace("-", "−"));
  }

  return { frame, period: 800, smooth: true };
})();

// Balls that roll down |x| or x², and below them the push that they feel. `figure` has
//   panels [{title, role, order, penalty, balls: [{name, hollow, positions, pushes}]}]: the curve is
//          penalty * |x|^order, its push minus the slope of that; one position and push per frame,
//          fewer when a ball is lost
//   reach  how far x goes to each side; axes {theta, height, push}; words {caption}

painters.rolls = (() => {
  function curve(ctx, place, reach, f) {
    ctx.beginPath();
    for (let i = 0; i <= 120; i++) {
      const x = reach * (i / 60 - 1);
      ctx[i ? "lineTo" : "moveTo"](place.x(x), place.y(f(x)));
    }
    ctx.stroke();
  }

  function ball(ctx, x, y, radius, colour, ground, hollow) {
    ctx.beginPath(); ctx.arc(x, y, radius, 0, 7);
    ctx.fillStyle = hollow ? ground : colour; ctx.fill();
    ctx.strokeStyle = colour; ctx.lineWidth = 2.5; ctx.stroke();
  }

  function arrow(ctx, x, y, length, colour, unit) {
    if (Math.abs(length) < 2) return;
    const sign = Math.sign(length), head = 8 * unit;
    ctx.strokeStyle = ctx.fillStyle = colour; ctx.lineWidth = 3 * unit;
    ctx.beginPath(); ctx.moveTo(x, y); ctx.lineTo(x + length, y); ctx.stroke();
    ctx.beginPath(); ctx.moveTo(x + length + sign * head, y);
    ctx.lineTo(x + length, y - head * .6); ctx.lineTo(x + length, y + head * .6); ctx.fill();
  }

  function frame(ctx, box, figure, from, to, t, look) {
    const unit = Math.min(parseFloat(getComputedStyle(document.documentElement).fontSize) / 16, 1.3);
    const font = `${13 * unit}px ${look.font}`, { reach, axes } = figure;
    const width = box.width / figure.panels.length;
    ctx.font = font;
    figure.panels.forEach((panel, k) => {
      const left = k * width + 30 * unit, right = (k + 1) * width - 12 * unit;
      const top = 48 * unit, bottom = box.height - 34 * unit, split = top + (bottom - top) * .56;
      const X = (x) => left + ((x + reach) / (2 * reach)) * (right - left);
      const highest = panel.penalty * reach ** panel.order, strongest = panel.order * panel.penalty * (panel.order === 1 ? 1.6 : reach);
      const hill = { x: X, y: (h) => split - (h / highest) * (split - top) };
      const middle = (split + 22 * unit + bottom) / 2, half = (bottom - split - 22 * unit) / 2;
      const slope = { x: X, y: (p) => middle - (p / strongest) * half };
      const colour = look[panel.role];

      ctx.textAlign = "left"; ctx.textBaseline = "middle"; ctx.fillStyle = colour;
      ctx.font = `600 ${15 * unit}px ${look.font}`;
      ctx.fillText(panel.title, left, 12 * unit);
      ctx.font = font; ctx.fillStyle = look.text;
      let x = left;
      for (const one of panel.balls) {
        ball(ctx, x + 6 * unit, 32 * unit, 5 * unit, colour, look.background, one.hollow);
        ctx.fillStyle = look.text; ctx.textAlign = "left";
        ctx.fillText(one.name, x + 16 * unit, 32 * unit);
        x += 30 * unit + ctx.measureText(one.name).width;
      }

      ctx.strokeStyle = look.muted; ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.moveTo(left, split); ctx.lineTo(right, split); ctx.moveTo(left, middle); ctx.lineTo(right, middle);
      ctx.moveTo(X(0), top); ctx.lineTo(X(0), split); ctx.moveTo(X(0), middle - half); ctx.lineTo(X(0), bottom);
      ctx.stroke();
      ctx.fillStyle = look.text; ctx.textAlign = "center"; ctx.textBaseline = "top";
      for (let tick = -reach + 1; tick < reach; tick++) ctx.fillText(String(tick).replace("-", "−"), X(tick), bottom + 4);
      ctx.fillText(axes.theta, (left + right) / 2, bottom + 4 + 13 * unit);
      for (const [text, middle_y] of [[axes.height, (top + split) / 2], [axes.push, middle]]) {
        ctx.save(); ctx.translate(left - 16 * unit, middle_y); ctx.rotate(-Math.PI / 2);
        ctx.textAlign = "center"; ctx.textBaseline = "middle"; ctx.fillText(text, 0, 0); ctx.restore();
      }

      ctx.strokeStyle = colour; ctx.lineWidth = 2.5 * unit;
      curve(ctx, hill, reach, (v) => panel.penalty * Math.abs(v) ** panel.order);
      if (panel.order === 1) { // a sign: it jumps at zero, where it has no value
        for (const side of [-1, 1]) {
          const y = slope.y(-side * panel.penalty);
          ctx.strokeStyle = colour; ctx.lineWidth = 2.5 * unit;
          ctx.beginPath(); ctx.moveTo(X(0), y); ctx.lineTo(X(side * reach), y); ctx.stroke();
          ball(ctx, X(0), y, 4 * unit, colour, look.background, true);
        }
      } else curve(ctx, slope, reach, (v) => -2 * panel.penalty * v);

      for (const one of panel.balls) {
        const last = one.positions.length - 1, now = Math.min(to, last), before = from === to - 1 ? Math.min(from, last) : now;
        const at = one.positions[before] + t * (one.positions[now] - one.positions[before]), push = one.pushes[now];
        if (Math.abs(at) > reach) continue;
        const y = hill.y(panel.penalty * Math.abs(at) ** panel.order), radius = (one.hollow ? 4.5 : 9) * unit;
        if (!one.hollow) arrow(ctx, X(at), y - radius, (push / strongest) * 90 * unit, look.data, unit);
        ball(ctx, X(at), y - 9 * unit, radius, colour, look.background, one.hollow);
        const held = panel.order === 1 && at === 0; // there the push has no one value
        const felt = held ? 0 : panel.order === 1 ? -Math.sign(at) * panel.penalty : -2 * panel.penalty * at;
        ball(ctx, X(at), slope.y(felt), (one.hollow ? 3.5 : 6.5) * unit, colour, look.background, one.hollow);
      }
    });
    const most = Math.max(...figure.panels.flatMap(({ balls }) => balls.map(({ positions }) => positions.length))) - 1;
    return figure.words.caption.replace("{i}", Math.min(to, most)).replace("{n}", most);
  }

  return { frame, period: 150, smooth: true };
})();

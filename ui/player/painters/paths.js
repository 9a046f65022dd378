// Paths that grow over the contours of a loss. `figure` has, in the units of the axes:
//   view    [x from, x to, y from, y to]: what must be seen; one unit is as long on both axes
//   field   {domain: [4 numbers as view], columns, rows, values, levels}: the heights whose contours
//           are drawn, row by row from the lowest y; the figure never shows more than `domain`
//   axes    {x, y}: the axes' titles
//   shapes  [{role, points, name?, closed?, fill?, dash?}]: lines that stay; `fill` is an opacity
//   paths   [{role, name, points, shape?, dash?, lost?, word?}]: frame i shows a path up to its point i,
//           or to its end. `shape` marks that: circle, square, triangle, diamond. A path that is
//           `lost` ends in a cross where it first leaves the figure, and its `word` beside that.
//   marks   [{x, y, label, role?, dx?, dy?}]: places with a name, each a ring
//   words   {caption, lost?}: with {i} for the frame and {n} for the last one; what a lost path says
// All points are flat lists: x, y, x, y. Only view, axes, paths and words are needed.

painters.paths = (() => {
  const SHAPES = {
    circle: (path, x, y, r) => path.arc(x, y, r, 0, 7),
    square: (path, x, y, r) => path.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r),
    triangle: (path, x, y, r) => polygon(path, x, y, 1.25 * r, 3),
    diamond: (path, x, y, r) => polygon(path, x, y, 1.25 * r, 4),
  };

  function polygon(path, x, y, r, corners) {
    for (let i = 0; i < corners; i++) {
      const angle = (2 * Math.PI * i) / corners - Math.PI / 2;
      path[i ? "lineTo" : "moveTo"](x + r * Math.cos(angle), y + r * Math.sin(angle));
    }
    path.closePath();
  }

  function ticks(from, to, most) {
    const rough = (to - from) / most, ten = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * ten).find((s) => s >= rough);
    const first = Math.ceil(from / step);
    return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => ({
      at: (first + i) * step,
      text: String(Number(((first + i) * step).toPrecision(6))).replace("-", "−"),
    }));
  }

  // Legend entries in as many rows as the width needs.
  function legend(ctx, figure, width, unit) {
    const entries = [...figure.paths, ...(figure.shapes ?? [])].filter((entry) => entry.name);
    const rows = [[]];
    let x = 0;
    for (const entry of entries) {
      const length = 34 * unit + ctx.measureText(entry.name).width + 18 * unit;
      if (x + length > width && rows.at(-1).length) { rows.push([]); x = 0; }
      rows.at(-1).push({ entry, x });
      x += length;
    }
    return rows;
  }

  // The rectangle of the plot, and how points fall into it.
  function layout(box, figure, top, unit) {
    const plot = { left: 46 * unit, top, right: box.width - 10, bottom: box.height - 40 * unit };
    plot.width = plot.right - plot.left;
    plot.height = plot.bottom - plot.top;
    const [x0, x1, y0, y1] = figure.view, domain = figure.field?.domain;
    let scale = Math.min(plot.width / (x1 - x0), plot.height / (y1 - y0));
    const show = [plot.width / scale, plot.height / scale];
    if (domain) { // a very wide or very high figure has margins rather than bare ground
      show[0] = Math.min(show[0], domain[1] - domain[0]);
      show[1] = Math.min(show[1], domain[3] - domain[2]);
      plot.left += (plot.width - show[0] * scale) / 2;
      plot.top += (plot.height - show[1] * scale) / 2;
      plot.width = show[0] * scale;
      plot.height = show[1] * scale;
      plot.right = plot.left + plot.width;
      plot.bottom = plot.top + plot.height;
    }
    const start = (low, high, length, from, to) => {
      const middle = (low + high - length) / 2;
      return domain ? Math.min(Math.max(middle, from), to - length) : middle;
    };
    const left = start(x0, x1, show[0], domain?.[0], domain?.[1]);
    const low = start(y0, y1, show[1], domain?.[2], domain?.[3]);
    return {
      plot, span: [left, left + show[0], low, low + show[1]],
      x: (x) => plot.left + (x - left) * scale,
      y: (y) => plot.bottom - (y - low) * scale,
    };
  }

  // Marching squares: in each cell the pieces of the contours of all levels, as one path.
  function contours(field, to) {
    const { columns, rows, values, levels, domain: [x0, x1, y0, y1] } = field;
    const lines = new Path2D();
    const X = (column) => to.x(x0 + ((x1 - x0) * column) / (columns - 1));
    const Y = (row) => to.y(y0 + ((y1 - y0) * row) / (rows - 1));
    for (let row = 0; row + 1 < rows; row++)
      for (let column = 0; column + 1 < columns; column++) {
        const corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
        const heights = corners.map(([c, r]) => values[r * columns + c]);
        const low = Math.min(...heights), high = Math.max(...heights);
        for (const level of levels) {
          if (level <= low || level > high) continue;
          const cuts = [];
          for (let i = 0; i < 4; i++) {
            const [a, b] = [heights[i], heights[(i + 1) % 4]];
            if (a < level === b < level) continue;
            const share = (level - a) / (b - a), [c, r] = corners[i], [d, s] = corners[(i + 1) % 4];
            cuts.push([X(c + (d - c) * share), Y(r + (s - r) * share)]);
          }
          for (let i = 0; i + 1 < cuts.length; i += 2) { lines.moveTo(...cuts[i]); lines.lineTo(...cuts[i + 1]); }
        }
      }
    return lines;
  }

  // On the screen, and where the path leaves the plot for good, if it is lost.
  function trace(path, to) {
    const { plot } = to, points = [];
    for (let i = 0; i < path.points.length; i += 2) {
      const here = [to.x(path.points[i]), to.y(path.points[i + 1])];
      const before = points.at(-1);
      if (path.lost && before && (here[0] < plot.left || here[0] > plot.right || here[1] < plot.top || here[1] > plot.bottom)) {
        const shares = [0, 1].map((axis) => {
          const way = here[axis] - before[axis];
          const [from, until] = axis ? [plot.top, plot.bottom] : [plot.left, plot.right];
          return way > 0 ? (until - before[axis]) / way : way < 0 ? (from - before[axis]) / way : Infinity;
        });
        const share = Math.min(...shares, 1);
        points.push([0, 1].map((axis) => before[axis] + share * (here[axis] - before[axis])));
        return { points, lost: true };
      }
      points.push(here);
    }
    return { points, lost: false };
  }

  // What stays while the frames pass, kept for each figure and size.
  const kept = new WeakMap();
  function prepare(ctx, box, figure, unit, font) {
    const seen = kept.get(figure);
    if (seen?.width === box.width && seen.height === box.height && seen.unit === unit) return seen;
    ctx.font = font;
    const entries = legend(ctx, figure, box.width - 50 * unit, unit);
    const to = layout(box, figure, 8 + entries.length * 22 * unit, unit);
    const fresh = {
      width: box.width, height: box.height, unit, entries, to,
      contours: figure.field && contours(figure.field, to),
      traces: figure.paths.map((path) => trace(path, to)),
    };
    kept.set(figure, fresh);
    return fresh;
  }

  function stroke(ctx, points, count, head) {
    ctx.beginPath();
    points.slice(0, count).forEach((point, i) => ctx[i ? "lineTo" : "moveTo"](...point));
    if (head) ctx.lineTo(...head);
    ctx.stroke();
  }

  function symbol(ctx, shape, [x, y], radius, colour, ground) {
    const outline = new Path2D();
    SHAPES[shape ?? "circle"](outline, x, y, radius);
    ctx.setLineDash([]);
    ctx.fillStyle = colour; ctx.strokeStyle = ground; ctx.lineWidth = 1.5;
    ctx.fill(outline); ctx.stroke(outline);
  }

  function cross(ctx, [x, y], radius, colour) {
    ctx.setLineDash([]);
    ctx.strokeStyle = colour; ctx.lineWidth = radius / 2;
    ctx.beginPath();
    ctx.moveTo(x - radius, y - radius); ctx.lineTo(x + radius, y + radius);
    ctx.moveTo(x - radius, y + radius); ctx.lineTo(x + radius, y - radius);
    ctx.stroke();
  }

  function words(ctx, text, x, y, look, align = "left") {
    ctx.textAlign = align;
    ctx.lineJoin = "round"; ctx.lineWidth = 4; ctx.strokeStyle = look.background; ctx.setLineDash([]);
    ctx.strokeText(text, x, y); // a halo, so that no contour runs through the letters
    ctx.fillStyle = look.text;
    ctx.fillText(text, x, y);
  }

  function axes(ctx, figure, to, unit, look) {
    const { plot, span } = to;
    ctx.fillStyle = look.text; ctx.strokeStyle = look.muted; ctx.lineWidth = 1;
    ctx.globalAlpha = 1; ctx.setLineDash([]);
    ctx.strokeRect(plot.left, plot.top, plot.width, plot.height);
    ctx.beginPath();
    ctx.textAlign = "center"; ctx.textBaseline = "top";
    for (const { at, text } of ticks(span[0], span[1], plot.width / (60 * unit))) {
      ctx.moveTo(to.x(at), plot.bottom); ctx.lineTo(to.x(at), plot.bottom + 5);
      ctx.fillText(text, to.x(at), plot.bottom + 8);
    }
    ctx.fillText(figure.axes.x, (plot.left + plot.right) / 2, plot.bottom + 8 + 16 * unit);
    ctx.textAlign = "right"; ctx.textBaseline = "middle";
    for (const { at, text } of ticks(span[2], span[3], plot.height / (45 * unit))) {
      ctx.moveTo(plot.left, to.y(at)); ctx.lineTo(plot.left - 5, to.y(at));
      ctx.fillText(text, plot.left - 8, to.y(at));
    }
    ctx.stroke();
    ctx.save();
    ctx.translate(plot.left - 38 * unit, (plot.top + plot.bottom) / 2);
    ctx.rotate(-Math.PI / 2);
    ctx.textAlign = "center";
    ctx.fillText(figure.axes.y, 0, 0);
    ctx.restore();
  }

  function key(ctx, entries, to, unit, look) {
    ctx.textBaseline = "middle";
    entries.forEach((row, i) => row.forEach(({ entry, x }) => {
      const left = 46 * unit + x, y = 4 + (i + 0.5) * 22 * unit;
      ctx.strokeStyle = look[entry.role]; ctx.lineWidth = 2.5 * unit; ctx.setLineDash(entry.dash ?? []);
      stroke(ctx, [[left, y], [left + 28 * unit, y]], 2);
      if (entry.shape) symbol(ctx, entry.shape, [left + 14 * unit, y], 5 * unit, look[entry.role], look.background);
      ctx.fillStyle = look.text; ctx.textAlign = "left";
      ctx.fillText(entry.name, left + 34 * unit, y);
    }));
  }

  // The point of a path under the pointer, named.
  function tip(ctx, figure, traces, to, now, pointer, unit, look) {
    let best = { distance: 14 * unit };
    traces.forEach(({ points }, number) => points.slice(0, now + 1).forEach(([x, y], i) => {
      const distance = Math.hypot(x - pointer.x, y - pointer.y);
      if (distance < best.distance) best = { distance, number, i, x, y };
    }));
    if (best.number === undefined) return;
    const { name, points } = figure.paths[best.number];
    const [x, y] = points.slice(2 * best.i, 2 * best.i + 2).map((w) => w.toFixed(3).replace("-", "−"));
    const right = best.x > (to.plot.left + to.plot.right) / 2;
    words(ctx, `${name} · ${best.i}: (${x}, ${y})`, best.x + (right ? -12 : 12), best.y - 14 * unit, look, right ? "right" : "left");
  }

  function frame(ctx, box, figure, from, to, t, look, pointer) {
    const unit = Math.min(parseFloat(getComputedStyle(document.documentElement).fontSize) / 16, 1.3);
    const font = `${13 * unit}px ${look.font}`;
    const { entries, to: place, contours: lines, traces } = prepare(ctx, box, figure, unit, font);
    const { plot } = place;
    ctx.font = font;
    ctx.save();
    ctx.beginPath(); ctx.rect(plot.left, plot.top, plot.width, plot.height); ctx.clip();
    ctx.lineJoin = ctx.lineCap = "round";
    ctx.setLineDash([]);
    if (lines) {
      ctx.strokeStyle = look.muted; ctx.globalAlpha = 0.55; ctx.lineWidth = 1;
      ctx.stroke(lines);
    }
    for (const shape of figure.shapes ?? []) {
      const outline = new Path2D();
      for (let i = 0; i < shape.points.length; i += 2)
        outline[i ? "lineTo" : "moveTo"](place.x(shape.points[i]), place.y(shape.points[i + 1]));
      if (shape.closed) outline.closePath();
      ctx.fillStyle = ctx.strokeStyle = look[shape.role];
      ctx.globalAlpha = shape.fill ?? 0; ctx.fill(outline);
      ctx.globalAlpha = 1; ctx.lineWidth = 1.8 * unit; ctx.setLineDash(shape.dash ?? []); ctx.stroke(outline);
    }
    const ends = figure.paths.map((path, number) => {
      const { points, lost } = traces[number], last = points.length - 1, now = Math.min(to, last);
      const steps = from === to - 1 && to <= last; // else a jump: no way to draw between
      const [a, b] = [points[steps ? from : now], points[now]];
      const head = steps ? [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t] : b;
      ctx.strokeStyle = look[path.role]; ctx.lineWidth = 2.4 * unit; ctx.setLineDash(path.dash ?? []);
      ctx.globalAlpha = 0.28; stroke(ctx, points, points.length); // all of the way, faintly
      ctx.globalAlpha = 1; stroke(ctx, points, steps ? now : now + 1, head);
      return { path, head, lost: lost && (to > last || (to === last && t === 1)), goal: lost && points[last] };
    });
    ctx.restore();
    ctx.globalAlpha = 1; ctx.textBaseline = "middle";
    for (const { x, y, role, label, dx = 12, dy = -14 } of figure.marks ?? []) {
      ctx.strokeStyle = look[role ?? "data"]; ctx.lineWidth = 2 * unit; ctx.setLineDash([]);
      ctx.beginPath(); ctx.arc(place.x(x), place.y(y), 9 * unit, 0, 7); ctx.stroke();
      const fits = place.x(x) + dx * unit + ctx.measureText(label).width < box.width;
      const side = dx < 0 || !fits ? -1 : 1;
      words(ctx, label, place.x(x) + side * Math.abs(dx) * unit, place.y(y) + dy * unit, look, side < 0 ? "right" : "left");
    }
    axes(ctx, figure, place, unit, look);
    for (const { path, head, lost, goal } of ends) {
      if (goal) {
        cross(ctx, goal, 6 * unit, look[path.role]);
        const inward = goal[1] > (plot.top + plot.bottom) / 2 ? -1 : 1, right = goal[0] > (plot.left + plot.right) / 2;
        words(ctx, path.word ?? figure.words.lost ?? "", goal[0] + (right ? -12 : 12) * unit, goal[1] + inward * 14 * unit, look, right ? "right" : "left");
      }
      if (!lost) symbol(ctx, path.shape, head, 6 * unit, look[path.role], look.background);
    }
    key(ctx, entries, place, unit, look);
    if (pointer) tip(ctx, figure, traces, place, to, pointer, unit, look);
    const most = Math.max(...figure.paths.map((path) => path.points.length / 2)) - 1;
    return figure.words.caption.replace("{i}", Math.min(to, most)).replace("{n}", most);
  }

  return { frame, period: 60, smooth: true };
})();

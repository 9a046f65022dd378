// A fully connected network for each sample (or pass: each cell), its units kept or dropped.
//
// `figure`: sizes (units per layer), cells, columns (0: as fits), labels (one per cell), rates (one
// per hidden layer, as text), kept (per frame and cell the hidden units, in hex bits), words.
// With `signals` (per frame and cell one character per unit of all layers: 8·forward + backward
// strength, each 0 to 7, 0 only for exactly nothing) a pulse runs forward, then back, and the
// updates of one weight are counted. With `chances` (of 0, 1, ... units kept) the masks seen so far
// pile up, counted against them.
//
// Whatever stays the same through a frame is drawn once, on sheets of their own; a moment of the
// animation copies pieces of them: a pulse is a window that slides over the highlighted weights.

const network = (() => {
  const FADE = 0.15, TURN = 0.5, END = 0.85; // of a frame: masks change, pulse forward, pulse back
  const clamp = (v) => Math.max(0, Math.min(1, v));
  const fill = (text, values) => text.replace(/{(\w+)}/g, (_, name) => values[name]);
  const bit = (hex, i) => (parseInt(hex[i >> 2], 16) >> (3 - (i & 3))) & 1;

  function layout(box, figure) {
    const narrow = box.width < 560;
    const columns = figure.columns || Math.min(figure.cells, narrow ? 2 : 4);
    const rows = Math.ceil(figure.cells / columns);
    const strip = figure.chances ? Math.min(124, box.height * 0.28) : 0;
    const cell = { width: box.width / columns, height: (box.height - strip) / rows };
    const most = Math.max(...figure.sizes), layers = figure.sizes.length;
    const top = figure.labels || figure.rates ? 24 : 6;
    const side = Math.min(28, cell.width * 0.08);
    const radius = Math.max(2, Math.min(13, (cell.height - top - 6) / (most * 2.5), cell.width / (layers * 4.5)));
    const step = (cell.height - top - 6 - 2 * radius) / Math.max(1, most - 1);
    const units = figure.sizes.map((size, layer) => Array.from({ length: size }, (_, unit) => ({
      x: side + radius + (layer * (cell.width - 2 * (side + radius))) / (layers - 1),
      y: top + radius + step * ((most - size) / 2 + unit),
    })));
    return { columns, cell, units, radius, strip };
  }

  // 1 for a kept unit, 0 for a dropped one; input and output are always kept.
  function alive(figure, frame, index) {
    let i = 0;
    const hex = figure.kept[frame][index], last = figure.sizes.length - 1;
    return figure.sizes.map((size, layer) => Array.from({ length: size }, () =>
      layer === 0 || layer === last ? 1 : bit(hex, i++)));
  }

  // Forward and backward strength of every unit, 0 to 7.
  function strengths(figure, frame, index) {
    let i = 0;
    const text = figure.signals[frame][index];
    return figure.sizes.map((size) => Array.from({ length: size }, () => {
      const code = text.charCodeAt(i++) - 48;
      return { forward: code >> 3, backward: code & 7 };
    }));
  }

  function eachWeight(units, visit) {
    for (let gap = 0; gap + 1 < units.length; gap++)
      for (let i = 0; i < units[gap].length; i++)
        for (let j = 0; j < units[gap + 1].length; j++) visit(gap, i, j, units[gap][i], units[gap + 1][j]);
  }

  // The weight that the visitor points at; at first one from the first input to the first unit.
  function chosen(place, pointer) {
    let best = { gap: 0, i: 0, j: 0, cell: 0 }, nearest = 10;
    if (!pointer) return best;
    const column = Math.min(place.columns - 1, Math.floor(pointer.x / place.cell.width));
    const row = Math.floor(pointer.y / place.cell.height), cell = row * place.columns + column;
    const [x, y] = [pointer.x - column * place.cell.width, pointer.y - row * place.cell.height];
    eachWeight(place.units, (gap, i, j, a, b) => {
      const [dx, dy] = [b.x - a.x, b.y - a.y];
      const along = clamp(((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy));
      const distance = Math.hypot(a.x + along * dx - x, a.y + along * dy - y);
      if (distance < nearest) { nearest = distance; best = { gap, i, j, cell }; }
    });
    return best;
  }

  // A weight moves in a pass where at least one sample ran through it forward and back.
  function updated(figure, frame, { gap, i, j }) {
    const sum = (to) => figure.sizes.slice(0, to).reduce((a, b) => a + b, 0);
    const [before, after] = [sum(gap) + i, sum(gap + 1) + j];
    return figure.signals[frame].some((text) =>
      (text.charCodeAt(before) - 48) >> 3 && (text.charCodeAt(after) - 48) & 7);
  }

  function lines(ctx, units, carries) {
    const path = new Path2D();
    eachWeight(units, (gap, i, j, a, b) => {
      if (!carries(gap, i, j)) return;
      path.moveTo(a.x, a.y);
      path.lineTo(b.x, b.y);
    });
    ctx.stroke(path);
  }

  function disc(ctx, { x, y }, radius) {
    ctx.beginPath(); ctx.arc(x, y, radius, 0, 7);
  }

  // Every unit of a cell; `level` says how strongly a kept one is lit, 0 to 1.
  function nodes(ctx, { units, radius }, on, look, level) {
    units.forEach((layer, l) => layer.forEach((unit, u) => {
      const outer = l === 0 || l === units.length - 1, kept = on[l][u], { x, y } = unit;
      disc(ctx, unit, radius);
      ctx.globalAlpha = 1; ctx.fillStyle = look.background; ctx.fill();
      ctx.globalAlpha = kept ? level(l, u) : 0.22; ctx.fillStyle = kept && !outer ? look.primary : look.text; ctx.fill();
      ctx.globalAlpha = kept ? 1 : 0.35; ctx.lineWidth = 1.3;
      ctx.strokeStyle = outer || !kept ? look.text : look.primary; ctx.stroke();
      if (!kept && radius > 4) { // a cross says "dropped" without colour
        const d = radius * 0.45;
        ctx.globalAlpha = 0.55; ctx.strokeStyle = look.text;
        ctx.beginPath(); ctx.moveTo(x - d, y - d); ctx.lineTo(x + d, y + d);
        ctx.moveTo(x - d, y + d); ctx.lineTo(x + d, y - d); ctx.stroke();
      }
    }));
  }

  function captions(ctx, figure, place, index, look) {
    ctx.fillStyle = look.text; ctx.globalAlpha = 0.75; ctx.textAlign = "center";
    ctx.font = `13px ${look.font}`;
    if (figure.labels) {
      const wide = ctx.measureText(figure.labels[index]).width, room = place.cell.width - 8;
      if (wide > room) ctx.font = `${(13 * room) / wide}px ${look.font}`; // on a phone
      ctx.fillText(figure.labels[index], place.cell.width / 2, 15);
    } else if (figure.rates) figure.rates.forEach((text, i) => ctx.fillText(text, place.units[i + 1][0].x, 15));
  }

  function pile(ctx, figure, area, to, look) {
    const layers = figure.sizes.slice(1, -1), frames = figure.kept.length, gap = 3, tall = Math.max(...layers);
    let best = { unit: 0 };
    for (let columns = 1; columns <= frames; columns++) {
      const unit = Math.min((area.width / columns - gap) / layers.length, (area.height / Math.ceil(frames / columns) - gap) / tall, 7);
      if (unit > best.unit) best = { unit, columns };
    }
    const { unit, columns } = best, kept = new Path2D(), dropped = new Path2D();
    for (let frame = 0; frame <= to; frame++) {
      const x = area.x + (frame % columns) * (unit * layers.length + gap), y = area.y + Math.floor(frame / columns) * (unit * tall + gap);
      alive(figure, frame, 0).slice(1, -1).forEach((layer, l) => layer.forEach((on, u) =>
        (on ? kept : dropped).rect(x + l * unit, y + (u + (tall - layer.length) / 2) * unit, unit - 0.4, unit - 0.4)));
    }
    ctx.globalAlpha = 1; ctx.fillStyle = look.primary; ctx.fill(kept);
    ctx.globalAlpha = 0.14; ctx.fillStyle = look.text; ctx.fill(dropped);
  }

  function counts(ctx, figure, area, to, look) {
    const kept = (text) => [...text].reduce((sum, digit) => sum + [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4][parseInt(digit, 16)], 0);
    const all = (frames) => frames.flat().reduce((bars, text) => { bars[kept(text)]++; return bars; }, figure.chances.map(() => 0));
    const seen = all(figure.kept.slice(0, to + 1)), expected = figure.chances.map((chance) => chance * figure.cells * (to + 1));
    const shown = figure.chances.map((chance, k) => chance > 2e-3 || seen[k]);
    const [low, high] = [shown.indexOf(true), shown.lastIndexOf(true)];
    const highest = Math.max(5, ...seen, ...expected);
    const wide = area.width / Math.max(6, high - low + 1), shift = (area.width - wide * (high - low + 1)) / 2;
    const floor = area.y + area.height - 32, tall = area.height - 36;
    ctx.font = `12px ${look.font}`; ctx.textAlign = "center";
    const stride = Math.ceil(28 / wide);
    for (let k = low; k <= high; k++) {
      const x = area.x + shift + (k - low) * wide;
      ctx.globalAlpha = 0.75; ctx.fillStyle = look.data;
      ctx.fillRect(x + wide * 0.15, floor, wide * 0.7, (-seen[k] / highest) * tall);
      ctx.globalAlpha = 1; ctx.fillStyle = look.truth;
      ctx.beginPath(); ctx.arc(x + wide / 2, floor - (expected[k] / highest) * tall, Math.min(4, wide * 0.35), 0, 7); ctx.fill();
      ctx.globalAlpha = 0.75; ctx.fillStyle = look.text;
      if ((k - low) % stride === 0) ctx.fillText(k, x + wide / 2, floor + 13);
    }
    ctx.globalAlpha = 0.3; ctx.fillRect(area.x, floor, area.width, 1);
    ctx.globalAlpha = 0.75; ctx.fillText(figure.words.axis, area.x + area.width / 2, floor + 29);
    ctx.textAlign = "right";
    const [dot, bar] = [figure.words.chances, figure.words.seen], end = area.x + area.width;
    ctx.fillText(dot, end, area.y + 9);
    ctx.fillText(bar, end, area.y + 25);
    ctx.globalAlpha = 1; ctx.fillStyle = look.truth;
    ctx.beginPath(); ctx.arc(end - ctx.measureText(dot).width - 9, area.y + 5, 4, 0, 7); ctx.fill();
    ctx.fillStyle = look.data; ctx.globalAlpha = 0.75;
    ctx.fillRect(end - ctx.measureText(bar).width - 13, area.y + 17, 8, 8);
  }

  // Sheets of one figure in one size and one theme: `get` draws a sheet when it is first asked for.
  const books = new WeakMap();
  function book(ctx, box, figure, look) {
    const ratio = ctx.getTransform().a, key = [box.width, box.height, ratio, look.primary, look.text].join();
    let now = books.get(figure);
    if (now?.key !== key) books.set(figure, now = { key, sheets: new Map(), place: layout(box, figure) });
    now.get = (frame, kind, draw) => {
      const name = `${frame} ${kind}`;
      if (!now.sheets.has(name)) {
        for (const [other, { frame: of }] of now.sheets) if (of >= 0 && Math.abs(of - frame) > 1) now.sheets.delete(other);
        const canvas = new OffscreenCanvas(Math.round(box.width * ratio), Math.round(box.height * ratio));
        const sheet = canvas.getContext("2d");
        sheet.scale(ratio, ratio);
        draw(sheet);
        now.sheets.set(name, { canvas, frame });
      }
      return now.sheets.get(name).canvas;
    };
    now.copy = (sheet, x, y, width, height) => {
      [x, width] = [Math.max(0, x), Math.min(width + Math.min(0, x), box.width - Math.max(0, x))];
      if (width > 0) ctx.drawImage(sheet, x * ratio, y * ratio, width * ratio, height * ratio, x, y, width, height);
    };
    return now;
  }

  function each(ctx, figure, place, draw) {
    for (let index = 0; index < figure.cells; index++) {
      ctx.save();
      ctx.translate((index % place.columns) * place.cell.width, Math.floor(index / place.columns) * place.cell.height);
      draw(index);
      ctx.restore();
    }
  }

  // The network as a pass finds it: what takes part, what is dark; and what has been seen so far.
  function base(pages, box, figure, at, look) {
    const { place } = pages;
    const faint = pages.get(-1, "weights", (ctx) => each(ctx, figure, place, () => {
      ctx.strokeStyle = look.text; ctx.globalAlpha = 0.06; ctx.lineWidth = 1.1;
      lines(ctx, place.units, () => true);
    }));
    return pages.get(at, "base", (ctx) => {
      ctx.drawImage(faint, 0, 0, box.width, box.height);
      each(ctx, figure, place, (index) => {
        const on = alive(figure, at, index);
        captions(ctx, figure, place, index, look);
        ctx.strokeStyle = look.primary; ctx.lineWidth = 1.1;
        ctx.globalAlpha = figure.sizes.some((size) => size > 10) ? 0.3 : 0.5;
        lines(ctx, place.units, (gap, i, j) => on[gap][i] && on[gap + 1][j]);
        nodes(ctx, place, on, look, (l) => (figure.signals && l ? 0.3 : 1));
      });
      if (!figure.chances) return;
      const y = box.height - place.strip + 14, height = place.strip - 14, split = box.width * 0.54;
      ctx.fillStyle = look.text; ctx.globalAlpha = 0.75; ctx.textAlign = "left"; ctx.font = `12px ${look.font}`;
      ctx.fillText(figure.words.masks, 0, y + 4);
      pile(ctx, figure, { x: 0, y: y + 10, width: split - 24, height: height - 10 }, at, look);
      counts(ctx, figure, { x: split, y: y - 4, width: box.width - split, height: height + 2 }, at, look);
    });
  }

  // The weights that carry something in one direction, without the units at their ends.
  function highlighted(pages, figure, at, back, look) {
    const { place } = pages;
    return pages.get(at, back ? "backward" : "forward", (ctx) => each(ctx, figure, place, (index) => {
      const strength = strengths(figure, at, index), on = alive(figure, at, index);
      ctx.strokeStyle = back ? look.text : look.primary; ctx.globalAlpha = 0.85; ctx.lineWidth = 2.4;
      lines(ctx, place.units, (gap, i, j) =>
        strength[gap][i].forward && (back ? strength[gap + 1][j].backward : on[gap + 1][j]));
      ctx.globalCompositeOperation = "destination-out"; ctx.globalAlpha = 1;
      place.units.flat().forEach((unit) => { disc(ctx, unit, place.radius); ctx.fill(); });
    }));
  }

  // The units as the forward pulse leaves them: lit by their output; then ringed by what came back.
  function lit(pages, figure, at, look) {
    const { place } = pages;
    return pages.get(at, "lit", (ctx) => each(ctx, figure, place, (index) => {
      const strength = strengths(figure, at, index);
      nodes(ctx, place, alive(figure, at, index), look, (l, u) => (l ? 0.3 + 0.1 * strength[l][u].forward : 1));
    }));
  }
  function ringed(pages, figure, at, look) {
    const { place } = pages;
    return pages.get(at, "ringed", (ctx) => each(ctx, figure, place, (index) => {
      ctx.strokeStyle = look.text; ctx.globalAlpha = 0.9;
      strengths(figure, at, index).forEach((layer, l) => layer.forEach(({ backward }, u) => {
        if (!backward) return;
        ctx.lineWidth = 0.5 + 2.5 * (backward / 7);
        disc(ctx, place.units[l][u], place.radius + 2.5); ctx.stroke();
      }));
    }));
  }

  function moment(ctx, pages, figure, to, ahead, back, look) {
    const { place } = pages, { units, cell, radius } = place, gaps = units.length - 1;
    const x = (way) => {
      const gap = Math.min(gaps - 1, Math.floor(clamp(way) * gaps));
      return units[gap][0].x + (clamp(way) * gaps - gap) * (units[gap + 1][0].x - units[gap][0].x);
    };
    const [head, long] = [back > 0 ? x(1 - back) : x(ahead), (units[1][0].x - units[0][0].x) * 0.3];
    for (let index = 0; index < figure.cells; index++) {
      const left = (index % place.columns) * cell.width, top = Math.floor(index / place.columns) * cell.height;
      if (back > 0 && back < 1) pages.copy(highlighted(pages, figure, to, true, look), left + head, top, Math.min(long, cell.width - head), cell.height);
      else if (back === 0 && ahead < 1) pages.copy(highlighted(pages, figure, to, false, look), left + Math.max(0, head - long), top, Math.min(long, head), cell.height);
      pages.copy(lit(pages, figure, to, look), left, top, back > 0 || ahead === 1 ? cell.width : head + radius, cell.height);
      if (back > 0) {
        const from = back === 1 ? 0 : Math.max(0, head - radius - 5);
        pages.copy(ringed(pages, figure, to, look), left + from, top, cell.width - from, cell.height);
      }
    }
  }

  function marked(ctx, place, figure, mark, to) {
    const { gap, i, j, cell } = mark, on = alive(figure, to, cell), [a, b] = [place.units[gap][i], place.units[gap + 1][j]];
    const cut = (place.radius + 3) / Math.hypot(b.x - a.x, b.y - a.y), along = (s) => [a.x + s * (b.x - a.x), a.y + s * (b.y - a.y)];
    ctx.save();
    ctx.translate((cell % place.columns) * place.cell.width, Math.floor(cell / place.columns) * place.cell.height);
    ctx.beginPath(); ctx.moveTo(...along(cut)); ctx.lineTo(...along(1 - cut));
    ctx.setLineDash(on[gap][i] && on[gap + 1][j] ? [] : [4, 5]);
    ctx.stroke();
    ctx.restore();
  }

  function words(pages, figure, to, mark, done) {
    const key = JSON.stringify([to, mark, done]);
    if (pages.said?.key === key) return pages.said.text;
    let kept = 0, hidden = 0;
    for (let index = 0; index < figure.cells; index++)
      alive(figure, to, index).slice(1, -1).flat().forEach((on) => { hidden += 1; kept += on; });
    let text = fill(figure.words.caption, { i: to + 1, kept, hidden });
    if (mark) {
      let n = 0;
      for (let pass = 0; pass < done; pass++) n += updated(figure, pass, mark) ? 1 : 0;
      text += ` · ${fill(figure.words.weight, { n, i: done })}`;
    }
    pages.said = { key, text };
    return text;
  }

  function frame(ctx, box, figure, from, to, t, look, pointer) {
    const pages = book(ctx, box, figure, look);
    const fade = from === to ? 1 : figure.signals ? clamp(t / FADE) : t;
    const turn = figure.inference ? END : TURN;
    const ahead = clamp((t - FADE) / (turn - FADE)), back = figure.inference ? 0 : clamp((t - turn) / (END - turn));
    const draw = (at, alpha) => { ctx.globalAlpha = alpha; ctx.drawImage(base(pages, box, figure, at, look), 0, 0, box.width, box.height); };
    if (fade < 1) draw(from, 1 - fade);
    draw(to, fade);
    ctx.globalAlpha = 1;
    if (!figure.signals) return words(pages, figure, to, null, 0);
    if (ahead > 0) moment(ctx, pages, figure, to, ahead, back, look);
    // Before they are needed, one sheet at a time, so that no moment has much to draw.
    if (t > 0.02) highlighted(pages, figure, to, false, look);
    if (t > 0.08) lit(pages, figure, to, look);
    if (figure.inference) return words(pages, figure, to, null, 0);
    if (ahead > 0.3) highlighted(pages, figure, to, true, look);
    if (ahead > 0.6) ringed(pages, figure, to, look);
    if (t > END && to + 1 < figure.kept.length) base(pages, box, figure, to + 1, look);
    const mark = chosen(pages.place, pointer);
    ctx.lineWidth = 3.5; ctx.strokeStyle = look.validation; ctx.globalAlpha = 1;
    marked(ctx, pages.place, figure, mark, to);
    return words(pages, figure, to, mark, back === 1 ? to + 1 : to);
  }

  return frame;
})();

painters.network = { frame: network, smooth: true, period: 1200 };
painters.masks = { frame: network };

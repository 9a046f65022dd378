// Draws panels of curves, clouds of fits and points, and lets a hand move the points.
//
// figure.panels: [{title, curves: [{role, y, width?}], cloud?: {role, fits, count, changes}, rug?,
// points?, held_out?, sticks?: [role]}]; every y lies evenly over figure.x. The points of the panel
// that can be edited are not in it but in data.figure.base, and data.edits says what a hand changed.

const SEND_MS = 100, REACH = 22;

export default function draw(component, preview = null) {
  const { parentElement } = component, data = { ...component.data, ...preview };
  const { figure, words } = data;
  const root = parentElement.querySelector(".figure");
  // Streamlit calls this again for every change of the data: what a hand does lives on the element.
  const state = (root.state ??= { picked: null, held: null, serial: data.serial, shown: 0, handles: new Map() });
  state.component = component;
  const editable = data.edits !== null;
  if (editable && !state.held && data.serial >= state.serial) state.edits = data.edits; // the answer to our last word
  if (!editable) state.edits = state.picked = state.held = null;
  const edits = () => state.edits ?? data.edits;

  const find = (name) => root.querySelector(name);
  const canvas = find("canvas"), plot = find(".plot"), tip = find(".tip"), handles = find(".handles");
  const narrow = figure.panels.length > 1 && root.clientWidth < 400; // there the panels are stacked
  root.style.height = `${data.height * (narrow ? 2 : 1)}px`;
  root.style.setProperty("--scale", data.scale);

  const [x0, x1] = figure.x, [y0, y1] = figure.y;
  const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const show = (v) => {
    const size = Math.abs(v);
    return size >= 1e4 || (size && size < 1e-3) ? v.toExponential(1).replace("e+", "e") : Number(v.toPrecision(3)).toString();
  };

  // ---- the points as they are now: {id, x, y}; ids are indices of the base, or a0, a1 of the added
  function points() {
    const { moved, removed, added } = edits();
    const base = figure.base.map(([x, y], i) => { const to = moved[i]; return { id: `${i}`, x: to ? to[0] : x, y: to ? to[1] : y }; });
    return [...base.filter(({ id }) => !removed.includes(Number(id))), ...added.map(([x, y], i) => ({ id: `a${i}`, x, y }))];
  }

  // ---- geometry
  const size = 12.5 * data.scale;
  let panels = [];
  function arrange(width, height) {
    const n = figure.panels.length, stacked = n > 1 && width < 400;
    const [w, h] = stacked ? [width, height / n] : [width / n, height];
    const [left, right, top, bottom] = [3.3 * size, .9 * size, figure.panels[0].title ? 1.9 * size : .6 * size, 3.1 * size];
    panels = figure.panels.map((panel, i) => {
      const [ox, oy] = stacked ? [0, i * h] : [i * w, 0];
      const box = { panel, left: ox + left, right: ox + w - right, top: oy + top, bottom: oy + h - bottom };
      box.x = (x) => box.left + ((x - x0) / (x1 - x0)) * (box.right - box.left);
      box.y = (y) => box.bottom - ((clamp(y, y0 - 50, y1 + 50) - y0) / (y1 - y0)) * (box.bottom - box.top);
      box.toX = (px) => x0 + ((px - box.left) / (box.right - box.left)) * (x1 - x0);
      box.toY = (py) => y0 + ((box.bottom - py) / (box.bottom - box.top)) * (y1 - y0);
      return box;
    });
  }
  arrange(plot.clientWidth, plot.clientHeight); // a hand may move before the next paint
  const inside = ({ x, y }) => x >= x0 && x <= x1 && y >= y0 && y <= y1;

  // ---- drawing
  function look() {
    const style = getComputedStyle(root);
    const roles = style.getPropertyValue("--st-chart-categorical-colors").split(/,(?![^(]*\))/);
    return {
      ...Object.fromEntries(data.roles.map((role, i) => [role, roles[i]?.trim()])),
      text: style.color, border: style.getPropertyValue("--st-border-color"),
      font: `${size}px ${style.fontFamily}`, ground: style.getPropertyValue("--st-background-color"),
    };
  }

  function paint() {
    state.request = 0;
    const ink = look();
    if (!legend(ink) && !stale) return;
    stale = false;
    const ratio = devicePixelRatio || 1, width = plot.clientWidth, height = plot.clientHeight;
    if (!width || !height) return;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
    arrange(width, height);
    const ctx = canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    ctx.font = ink.font;
    for (const box of panels) {
      frame(ctx, box, ink);
      ctx.save();
      ctx.beginPath();
      ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
      ctx.clip();
      contents(ctx, box, ink);
      ctx.restore();
    }
    if (editable) place();
    root.dataset.painted = Number(root.dataset.painted || 0) + 1;
  }

  function frame(ctx, box, ink) {
    ctx.lineWidth = 1;
    ctx.fillStyle = ink.text;
    ctx.strokeStyle = ink.border;
    ctx.textAlign = "center"; ctx.textBaseline = "top";
    for (const tick of figure.x_ticks) {
      const px = box.x(tick);
      line(ctx, [[px, box.top], [px, box.bottom]]);
      ctx.fillText(String(tick), px, box.bottom + .4 * size);
    }
    ctx.fillText(figure.x_title, (box.left + box.right) / 2, box.bottom + 1.7 * size);
    ctx.textAlign = "right"; ctx.textBaseline = "middle";
    for (const tick of figure.y_ticks) {
      const py = box.y(tick);
      line(ctx, [[box.left, py], [box.right, py]]);
      ctx.fillText(String(tick), box.left - .5 * size, py);
    }
    ctx.textAlign = "left";
    ctx.fillText(figure.y_title, box.left - 3.1 * size, (box.top + box.bottom) / 2);
    if (box.panel.title) {
      ctx.fillStyle = ink[box.panel.role];
      ctx.font = `600 ${ink.font}`;
      ctx.fillText(box.panel.title, box.left, box.top - .9 * size);
      ctx.font = ink.font;
    }
  }

  function line(ctx, corners) {
    ctx.beginPath();
    corners.forEach(([x, y]) => ctx.lineTo(x, y));
    ctx.stroke();
  }

  function trace(ctx, box, y) {
    const n = y.length;
    ctx.beginPath();
    for (let i = 0; i < n; i++) ctx.lineTo(box.left + (i / (n - 1)) * (box.right - box.left), box.y(y[i]));
    ctx.stroke();
  }

  function contents(ctx, box, ink) {
    const { panel } = box, thick = 2.5 * data.scale;
    if (panel.cloud) cloud(ctx, box, ink, thick);
    for (const { role, y } of panel.curves) {
      ctx.strokeStyle = ink[role];
      ctx.lineWidth = thick;
      ctx.setLineDash(data.dashes[role] ?? []);
      trace(ctx, box, y);
    }
    ctx.setLineDash([]);
    ctx.lineWidth = 1.6 * data.scale;
    const now = editable ? points() : [];
    (panel.sticks ?? []).forEach((role, i) => {
      ctx.strokeStyle = ink[role];
      const y = panel.curves.find((curve) => curve.role === role).y;
      for (const point of now) {
        const px = box.x(point.x) + (i ? 2 : -2);
        line(ctx, [[px, box.y(point.y)], [px, box.y(between(y, point.x))]]);
      }
    });
    ctx.strokeStyle = ink.validation;
    for (const [x, y] of panel.held_out ?? []) dot(ctx, box.x(x), box.y(y), 2.6 * data.scale, false);
    ctx.fillStyle = ctx.strokeStyle = ink.data;
    for (const x of panel.rug ?? []) line(ctx, [[box.x(x), box.bottom], [box.x(x), box.bottom - 8 * data.scale]]);
    for (const point of now) if (inside(point)) dot(ctx, box.x(point.x), box.y(point.y), 4.6 * data.scale, true);
    if (state.over && !state.held) {
      ctx.strokeStyle = ink.muted; ctx.lineWidth = 1;
      line(ctx, [[box.x(state.over.x), box.top], [box.x(state.over.x), box.bottom]]);
    }
  }

  // The curves of a cloud are drawn once, and copied as long as they, their place and colour stay.
  function cloud(ctx, box, ink, thick) {
    const { fits, count, role } = box.panel.cloud, all = numbers(fits), length = all.length / count;
    const [w, h, ratio] = [box.right - box.left, box.bottom - box.top, devicePixelRatio || 1];
    const one = (to, r, width) => {
      to.lineWidth = width;
      trace(to, box, all.subarray(r * length, (r + 1) * length));
    };
    let layer = layers.get(role);
    if (layer?.fits !== fits || layer.w !== w || layer.h !== h || layer.ratio !== ratio || layer.colour !== ink[role]) {
      const picture = new OffscreenCanvas(Math.ceil(w * ratio), Math.ceil(h * ratio)), to = picture.getContext("2d");
      to.scale(ratio, ratio);
      to.translate(-box.left, -box.top);
      to.strokeStyle = ink[role];
      to.globalAlpha = .22;
      for (let r = 0; r < count; r++) one(to, r, 1);
      layers.set(role, layer = { fits, w, h, ratio, colour: ink[role], picture });
    }
    ctx.drawImage(layer.picture, box.left, box.top, layer.picture.width / ratio, layer.picture.height / ratio);
    ctx.strokeStyle = ink[role];
    one(ctx, state.shown % count, thick);
  }
  const layers = (state.layers ??= new Map());
  const unpacked = (state.unpacked ??= new Map());
  function numbers(text) { // base64 of 16-bit integers, thousandths
    if (!unpacked.has(text)) {
      if (unpacked.size > 3) unpacked.clear();
      const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      unpacked.set(text, Float32Array.from(new Int16Array(bytes.buffer), (v) => v / 1000));
    }
    return unpacked.get(text);
  }

  function dot(ctx, x, y, radius, full) {
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, 7);
    if (full) ctx.fill(); else { ctx.lineWidth = 1.3 * data.scale; ctx.stroke(); }
  }

  function between(y, x) {
    const at = ((x - x0) / (x1 - x0)) * (y.length - 1), i = clamp(Math.floor(at), 0, y.length - 2);
    return y[i] + (at - i) * (y[i + 1] - y[i]);
  }

  // ---- handles: one button for each point, for the keyboard and for the finger
  function place() {
    const now = points().filter(inside).sort((a, b) => a.x - b.x);
    if (!now.some(({ id }) => id === state.picked)) state.picked = null;
    const stop = state.picked ?? now[0]?.id;
    const kept = new Set(now.map(({ id }) => id));
    for (const [id, button] of state.handles) if (!kept.has(id)) { button.remove(); state.handles.delete(id); }
    now.forEach(({ id, x, y }, i) => {
      let button = state.handles.get(id);
      if (!button) {
        button = document.createElement("button");
        button.type = "button";
        button.dataset.id = id;
        state.handles.set(id, button);
        handles.append(button);
      }
      button.style.left = `${panels[0].x(x)}px`;
      button.style.top = `${panels[0].y(y)}px`;
      button.tabIndex = id === stop ? 0 : -1;
      button.className = `${id === state.picked ? "picked" : ""} ${state.held ? "held" : ""}`;
      button.setAttribute("aria-label", fill(words.point, { i: i + 1, n: now.length, x: x.toFixed(2), y: y.toFixed(2) }));
      button.setAttribute("aria-keyshortcuts", "ArrowLeft ArrowRight ArrowUp ArrowDown PageUp PageDown Delete");
    });
    const { moved, removed, added } = edits();
    find(".remove").disabled = !state.picked || points().length <= 2;
    find(".restore").disabled = !(Object.keys(moved).length + removed.length + added.length);
  }

  // ---- what a hand does
  function change(next, last) {
    state.edits = { ...edits(), ...next };
    state.serial += 1; // until the server answers this change, what it says is older than the hand
    send(last);
    wake();
  }
  function move(id, x, y, last = false) {
    const to = [Number(clamp(x, x0, x1).toFixed(3)), Number(clamp(y, y0, y1).toFixed(3))];
    if (id[0] === "a") change({ added: edits().added.map((p, i) => (`a${i}` === id ? to : p)) }, last);
    else change({ moved: { ...edits().moved, [id]: to } }, last);
  }
  function remove(id) {
    if (!id || points().length <= 2) return;
    state.picked = null;
    const { moved, removed, added } = edits();
    if (id[0] === "a") return change({ added: added.filter((_, i) => `a${i}` !== id) }, true);
    const { [id]: _, ...rest } = moved;
    change({ moved: rest, removed: [...removed, Number(id)] }, true);
  }
  function add(x, y) {
    const { added } = edits();
    state.picked = `a${added.length}`;
    change({ added: [...added, [Number(x.toFixed(3)), Number(y.toFixed(3))]] }, true);
    paint();
    state.handles.get(state.picked)?.focus({ preventScroll: true });
  }

  // The server hears at most ten times a second, and always the last word.
  function send(last) {
    clearTimeout(state.timer);
    const wait = SEND_MS - (performance.now() - (state.sent ?? -Infinity));
    if (!last && wait > 0) { state.timer = setTimeout(() => send(true), wait); return; }
    state.sent = performance.now();
    const { moved, removed, added } = state.edits;
    state.component.setStateValue("edits", {
      moved: Object.entries(moved).map(([i, [x, y]]) => `${i}:${x}:${y}`).join(),
      removed: removed.join(),
      added: added.map((point) => point.join(":")).join(),
      serial: state.serial,
    });
  }

  const local = (event) => { const at = plot.getBoundingClientRect(); return [event.clientX - at.left, event.clientY - at.top]; };
  function nearest(px, py) {
    let best = null, least = REACH;
    for (const point of points().filter(inside)) {
      const away = Math.hypot(panels[0].x(point.x) - px, panels[0].y(point.y) - py);
      if (away < least) [best, least] = [point, away];
    }
    return best;
  }

  plot.onpointerdown = (event) => {
    if (!editable || event.button) return;
    const [px, py] = local(event), point = nearest(px, py);
    state.picked = point?.id ?? null;
    if (point) {
      event.preventDefault(); // no text is marked
      state.held = { id: point.id, dx: panels[0].x(point.x) - px, dy: panels[0].y(point.y) - py, px, py, far: false };
      plot.setPointerCapture(event.pointerId);
      state.handles.get(point.id).focus({ preventScroll: true });
    }
    hover(event);
    wake();
  };
  plot.onpointermove = (event) => {
    const [px, py] = local(event), { held } = state;
    if (held) {
      held.far ||= Math.hypot(px - held.px, py - held.py) > 2;
      if (held.far) move(held.id, panels[0].toX(px + held.dx), panels[0].toY(py + held.dy));
    }
    hover(event);
  };
  plot.onpointerup = plot.onpointercancel = () => {
    if (!state.held) return;
    const { far } = state.held;
    state.held = null;
    if (far) send(true);
    wake();
  };
  plot.onpointerleave = () => { state.over = null; tip.hidden = true; wake(); };
  plot.ondblclick = (event) => {
    const [px, py] = local(event);
    if (editable && !nearest(px, py)) add(clamp(panels[0].toX(px), x0, x1), clamp(panels[0].toY(py), y0, y1));
  };

  handles.onkeydown = (event) => {
    const id = event.target.dataset.id, now = points().filter(inside).sort((a, b) => a.x - b.x);
    const i = now.findIndex((point) => point.id === id);
    if (i < 0) return;
    const far = event.shiftKey ? 5 : 1, { x, y } = now[i];
    const go = { ArrowLeft: [-.02, 0], ArrowRight: [.02, 0], ArrowUp: [0, .05], ArrowDown: [0, -.05] }[event.key];
    const to = { PageDown: i + 1, PageUp: i - 1, Home: 0, End: now.length - 1 }[event.key];
    if (go) { state.picked = id; move(id, x + go[0] * far, y + go[1] * far); }
    else if (to !== undefined) { state.picked = now[clamp(to, 0, now.length - 1)].id; paint(); state.handles.get(state.picked).focus({ preventScroll: true }); }
    else if (event.key === "Delete" || event.key === "Backspace") remove(id);
    else return;
    event.preventDefault();
  };
  handles.onfocusin = (event) => { if (event.target.dataset.id !== state.picked) { state.picked = event.target.dataset.id; wake(); } };

  // ---- read-outs under the pointer
  function hover(event) {
    const [px, py] = local(event);
    const box = panels.find((p) => px >= p.left && px <= p.right && py >= p.top && py <= p.bottom);
    state.over = null;
    tip.hidden = !box;
    wake();
    if (!box) return;
    const point = editable ? (state.held ? points().find(({ id }) => id === state.held.id) : nearest(px, py)) : null;
    const { curves } = box.panel, n = curves[0].y.length;
    const i = Math.round(((box.toX(px) - x0) / (x1 - x0)) * (n - 1)), x = x0 + (i / (n - 1)) * (x1 - x0);
    if (!point) state.over = { x };
    tip.textContent = point
      ? `x ${point.x.toFixed(3)}\ny ${point.y.toFixed(3)}`
      : [`x ${x.toFixed(3)}`, ...curves.map((curve) => `${curve.name} ${show(curve.y[i])}`)].join("\n");
    const left = px > plot.clientWidth / 2;
    tip.style.left = left ? "" : `${px + 14}px`;
    tip.style.right = left ? `${plot.clientWidth - px + 14}px` : "";
    tip.style.top = `${clamp(py - 20, 0, Math.max(0, plot.clientHeight - 90))}px`;
  }

  // ---- legend and buttons
  function legend(ink) {
    const text = JSON.stringify([figure.legend, ink, data.scale]);
    if (state.legend === text) return false;
    state.legend = text;
    find(".legend").innerHTML = figure.legend.map(({ role, mark }) => {
      const stroke = `stroke="${ink[role]}" stroke-width="${2.5 * data.scale}" stroke-dasharray="${data.dashes[role] ?? ""}"`;
      const shape = mark === "dot" ? `<circle cx="18" cy="7" r="5" fill="${ink[role]}"/>`
        : mark === "ring" ? `<circle cx="18" cy="7" r="4" fill="none" stroke="${ink[role]}" stroke-width="1.5"/>`
        : mark === "rug" ? `<path d="M18 1v12" stroke="${ink[role]}" stroke-width="1.6"/>`
        : mark === "cloud" ? `<path d="M0 3h36M0 7h36M0 11h36" stroke="${ink[role]}" stroke-width="1" opacity=".5"/>`
        : `<path d="M0 7h36" ${stroke}/>`;
      return `<span><svg viewBox="0 0 36 14">${shape}</svg><i></i></span>`;
    }).join("");
    find(".legend").querySelectorAll("i").forEach((place, i) => {
      place.style.fontStyle = "normal";
      place.textContent = figure.legend[i].name;
    });
    return true;
  }

  const clouds = figure.panels.some(({ cloud }) => cloud), hint = find(".hint");
  find(".bar").hidden = !editable && !clouds;
  for (const name of ["add", "remove", "restore", "another"]) {
    find(`.${name}`).hidden = name === "another" ? !clouds : !editable;
    find(`.${name}`).textContent = words[name];
  }
  hint.className = `hint ${editable ? "editing" : ""}`;
  function tell() {
    hint.textContent = words.hint;
    if (!clouds) return;
    const [a, b] = figure.panels.map(({ cloud }) => cloud), i = state.shown % a.count;
    hint.textContent = fill(words.change, { i: i + 1, n: a.count, a: show(a.changes[i]), b: show(b.changes[i]) });
  }
  find(".add").onclick = () => add(0, 0);
  find(".remove").onclick = () => remove(state.picked);
  find(".restore").onclick = () => { state.picked = null; change({ moved: {}, removed: [], added: [] }, true); };
  find(".another").onclick = () => { state.shown += 1; tell(); wake(); };
  if (!editable) { handles.replaceChildren(); state.handles.clear(); }

  let stale = true;
  function glance() { state.request ||= requestAnimationFrame(paint); }
  function wake() { stale = true; glance(); }
  tell();
  return watch(state, root, plot, { wake, glance, key: data.place, lay: (preview) => draw(state.component, preview) });
}

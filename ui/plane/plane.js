// Panels of the plane, one unit as long on both axes, with one point in all of them that a hand moves.
//
// figure.panels: [{title, role?, masks?, shapes?, arrows?, dots?}], and figure.shapes in all of them:
//   masks  [{role, png, extent: [x0, x1, y0, y1], opacity?}]: a role's colour where the picture is white
//   shapes [{role, points, scales?, centred?, closed?, fill?, width?, dash?}]: `points` are flat, x, y,
//          x, y; what is `centred` lies about the moved point and goes with it; `fill` is an opacity
//   arrows [{role, from, by, width?}]; dots [{role, at, label?, ring?, dx?, dy?}]
// The plane is shown to `reach` from the origin, and to `limit` where there is room.

const SEND_MS = 100;

export default function (component) {
  const { data, parentElement } = component;
  const { figure, words } = data;
  const root = parentElement.querySelector(".figure");
  // Streamlit calls this again for every change of the data: what a hand does lives on the element.
  const state = (root.state ??= { held: null, serial: data.serial, center: figure.center, buttons: [] });
  state.component = component;
  if (!state.held && data.serial >= state.serial) state.center = figure.center; // the answer to our last word

  const find = (name) => root.querySelector(name);
  const plot = find(".plot"), panels = find(".panels"), handles = find(".handles");
  const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  for (const [role, colours] of Object.entries(data.roles)) root.style.setProperty(`--${role}`, `light-dark(${colours})`);
  const ink = (role) => `var(--${role ?? "data"})`;
  const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

  // ---- geometry
  let boxes = state.boxes ?? []; // as last painted: a hand may move before the next paint
  function arrange(width, height, stacked, size) {
    const n = figure.panels.length, side = stacked ? 1 : n, h = stacked ? height / n : height;
    const [left, gap, top, bottom] = [2.9 * size, 1.2 * size, 1.9 * size, 3 * size];
    const room = [(width - left - side * gap) / side, h - top - bottom], unit = Math.min(...room) / (2 * figure.reach);
    const [a, b] = room.map((length) => Math.min(length / 2, figure.limit * unit));
    boxes = state.boxes = figure.panels.map((panel, i) => {
      const [ox, oy] = stacked ? [0, i * h] : [i * (room[0] + gap), 0];
      const mx = ox + left + room[0] / 2, my = oy + top + room[1] / 2;
      return {
        panel, first: stacked || !i, left: mx - a, right: mx + a, top: my - b, bottom: my + b, span: [a / unit, b / unit],
        x: (x) => mx + x * unit, y: (y) => my - y * unit,
        toX: (px) => (px - mx) / unit, toY: (py) => (my - py) / unit,
      };
    });
  }

  // ---- drawing
  const round = (v) => Math.round(v * 10) / 10;
  function path(box, { points, centred, closed }, scale = 1) {
    const [cx, cy] = centred ? state.center : [0, 0];
    let text = "";
    for (let i = 0; i < points.length; i += 2)
      text += `${i ? "L" : "M"}${round(box.x(cx + scale * points[i]))} ${round(box.y(cy + scale * points[i + 1]))}`;
    return closed ? `${text}Z` : text;
  }

  function shape(box, one) {
    const d = (one.scales ?? [1]).map((scale) => path(box, one, scale)).join("");
    return `<path d="${d}" stroke="${ink(one.role)}" stroke-width="${(one.width ?? 2.2) * data.scale}" stroke-linejoin="round"
      stroke-dasharray="${one.dash ?? ""}" fill="${one.fill ? ink(one.role) : "none"}" fill-opacity="${one.fill ?? 0}"/>`;
  }

  function arrow(box, { role, from, by, width = 2.4 }) {
    const [x, y] = [box.x(from[0]), box.y(from[1])], [u, v] = [box.x(from[0] + by[0]), box.y(from[1] + by[1])];
    const length = Math.hypot(u - x, v - y);
    if (length < 1) return "";
    const head = (4 + 2 * width) * data.scale, [dx, dy] = [(u - x) / length, (v - y) / length];
    const side = (s) => `${round(u - head * dx + s * head * .5 * dy)} ${round(v - head * dy - s * head * .5 * dx)}`;
    return `<path d="M${round(x)} ${round(y)}L${round(u - head * .6 * dx)} ${round(v - head * .6 * dy)}" stroke="${ink(role)}" stroke-width="${width * data.scale}" fill="none"/>
      <path d="M${round(u)} ${round(v)}L${side(1)}L${side(-1)}Z" fill="${ink(role)}"/>`;
  }

  function dot(box, { role, at, label, ring, dx = 11, dy = -11 }) {
    const [x, y] = [round(box.x(at[0])), round(box.y(at[1]))], r = (ring ? 5.5 : 6.5) * data.scale;
    const look = ring ? `fill="var(--st-background-color)" stroke="${ink(role)}" stroke-width="${2 * data.scale}"`
      : `fill="${ink(role)}" stroke="var(--st-background-color)" stroke-width="1.5"`;
    return `<circle cx="${x}" cy="${y}" r="${r}" ${look}/>` + (label ? words_at(x + dx * data.scale, y + dy * data.scale, label, dx < 0) : "");
  }
  const words_at = (x, y, text, before) =>
    `<text class="halo" x="${x}" y="${y}" text-anchor="${before ? "end" : "start"}" dominant-baseline="middle">${escape(text)}</text>`;

  function cross(box) {
    const [x, y] = [box.x(state.center[0]), box.y(state.center[1])].map(round), r = 7 * data.scale;
    const d = `M${x - r} ${y}H${x + r}M${x} ${y - r}V${y + r}`;
    return `<path d="${d}" stroke="var(--st-background-color)" stroke-width="${7 * data.scale}"/>
      <path d="${d}" stroke="${ink("data")}" stroke-width="${3.2 * data.scale}"/>${words_at(x + 10 * data.scale, y - 12 * data.scale, "c")}`;
  }

  function mask(box, one, id) {
    const [x0, x1, y0, y1] = one.extent, [x, y] = [box.x(x0), box.y(y1)], [w, h] = [box.x(x1) - x, box.y(y0) - y];
    const place = `x="${x}" y="${y}" width="${w}" height="${h}"`;
    return `<mask id="${id}" maskUnits="userSpaceOnUse" ${place}><image href="${one.png}" ${place} preserveAspectRatio="none"/></mask>
      <rect ${place} fill="${ink(one.role)}" opacity="${one.opacity ?? .45}" mask="url(#${id})"/>`;
  }

  function frame(box, size) {
    let grid = "", text = "";
    const [a, b] = box.span;
    for (let t = -2 * Math.floor(a / 2); t <= a; t += 2) {
      grid += `<path class="${t ? "grid" : "zero"}" d="M${round(box.x(t))} ${box.top}V${box.bottom}"/>`;
      text += `<text x="${round(box.x(t))}" y="${box.bottom + 1.2 * size}" text-anchor="middle">${String(t).replace("-", "−")}</text>`;
    }
    for (let t = -2 * Math.floor(b / 2); t <= b; t += 2) {
      grid += `<path class="${t ? "grid" : "zero"}" d="M${box.left} ${round(box.y(t))}H${box.right}"/>`;
      if (box.first) text += `<text x="${box.left - .5 * size}" y="${round(box.y(t))}" text-anchor="end" dominant-baseline="middle">${String(t).replace("-", "−")}</text>`;
    }
    if (box.first) text += `<text x="${box.left - 1.7 * size}" y="${box.top + .6 * size}" text-anchor="end">${escape(figure.axes[1])}</text>`;
    text += `<text x="${(box.left + box.right) / 2}" y="${box.bottom + 2.5 * size}" text-anchor="middle">${escape(figure.axes[0])}</text>
      <text class="title" x="${box.left}" y="${box.top - .6 * size}" style="fill:${ink(box.panel.role)}">${escape(box.panel.title)}</text>`;
    return [grid, text];
  }

  function paint() {
    state.request = 0;
    const width = root.clientWidth, n = figure.panels.length;
    if (!width) return;
    const stacked = n > 1 && width / n < 215;
    const height = stacked ? `${n * Math.min(width, 340)}px` : "";
    root.style.height = stacked ? "auto" : `${data.height}px`;
    if (plot.style.height !== height) { plot.style.height = height; plot.style.flex = stacked ? "none" : ""; }
    const size = parseFloat(getComputedStyle(root).fontSize);
    arrange(plot.clientWidth, plot.clientHeight, stacked, size);
    const parts = boxes.map((box, i) => {
      const [grid, text] = frame(box, size), { masks = [], shapes = [], arrows = [], dots = [] } = box.panel;
      const id = `${root.dataset.key}-${i}`;
      return `<clipPath id="${id}"><rect x="${box.left}" y="${box.top}" width="${box.right - box.left}" height="${box.bottom - box.top}"/></clipPath>
        <g clip-path="url(#${id})">${masks.map((one, k) => mask(box, one, `${id}-${k}`)).join("")}${grid}
        ${[...figure.shapes, ...shapes].map((one) => shape(box, one)).join("")}
        ${arrows.map((one) => arrow(box, one)).join("")}${cross(box)}${dots.map((one) => dot(box, one)).join("")}</g>${text}`;
    });
    panels.innerHTML = `<svg>${parts.join("")}</svg>`;
    place();
    root.dataset.painted = Number(root.dataset.painted || 0) + 1;
  }

  // ---- the handle on the point, in every panel: for the hand and for the keyboard
  function place() {
    while (state.buttons.length > boxes.length) state.buttons.pop().remove();
    while (state.buttons.length < boxes.length) {
      const button = document.createElement("button");
      button.type = "button";
      state.buttons.push(button);
      handles.append(button);
    }
    const [x, y] = state.center;
    state.buttons.forEach((button, i) => {
      button.style.left = `${boxes[i].x(x)}px`;
      button.style.top = `${boxes[i].y(y)}px`;
      button.tabIndex = i ? -1 : 0;
      button.setAttribute("aria-label", fill(words.handle, { x: x.toFixed(2), y: y.toFixed(2) }));
    });
    handles.className = `handles ${state.held ? "held" : ""}`;
  }

  function move(x, y, last) {
    const snap = (v) => Math.round(clamp(v, -figure.range, figure.range) / figure.step) * figure.step;
    const to = [snap(x), snap(y)].map((v) => Number(v.toFixed(6)));
    if (to[0] === state.center[0] && to[1] === state.center[1]) return;
    state.center = to;
    state.serial += 1; // until the server answers this move, what it says is older than the hand
    wake();
    send(last);
  }
  function send(last) {
    clearTimeout(state.timer);
    const wait = SEND_MS - (performance.now() - (state.sent ?? -Infinity));
    if (!last && wait > 0) { state.timer = setTimeout(() => send(true), wait); return; }
    state.sent = performance.now();
    state.component.setStateValue("center", { x: state.center[0], y: state.center[1], serial: state.serial });
  }

  const local = (event) => { const at = plot.getBoundingClientRect(); return [event.clientX - at.left, event.clientY - at.top]; };
  handles.onpointerdown = (event) => {
    const i = state.buttons.indexOf(event.target);
    if (i < 0 || event.button) return;
    const [px, py] = local(event), [x, y] = state.center;
    event.preventDefault();
    event.target.focus({ preventScroll: true });
    event.target.setPointerCapture(event.pointerId);
    state.held = { i, dx: boxes[i].x(x) - px, dy: boxes[i].y(y) - py, from: state.center };
    wake();
  };
  handles.onpointermove = (event) => {
    const { held } = state;
    if (!held) return;
    const [px, py] = local(event), box = boxes[held.i];
    if (box) move(box.toX(px + held.dx), box.toY(py + held.dy), false);
  };
  handles.onpointerup = handles.onpointercancel = () => {
    if (!state.held) return;
    const moved = state.held.from !== state.center;
    state.held = null;
    if (moved) send(true);
    wake();
  };
  handles.onkeydown = (event) => {
    const go = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!go) return;
    const by = event.shiftKey ? .5 : .1;
    move(state.center[0] + go[0] * by, state.center[1] + go[1] * by, false);
    event.preventDefault();
  };

  // ---- legend
  const MARKS = {
    line: (colour, dash) => `<path d="M0 7h36" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash ?? ""}"/>`,
    lines: (colour) => `<path d="M0 3h36M0 7h36M0 11h36" stroke="${colour}" stroke-width="1.2"/>`,
    area: (colour) => `<rect x="2" y="0" width="32" height="14" rx="3" fill="${colour}" fill-opacity=".25" stroke="${colour}" stroke-width="2"/>`,
    patch: (colour) => `<rect x="2" y="0" width="32" height="14" rx="3" fill="${colour}" opacity=".45"/>`,
    arrow: (colour) => `<path d="M0 7h26" stroke="${colour}" stroke-width="2.5"/><path d="M36 7l-12 -6v12z" fill="${colour}"/>`,
    dot: (colour) => `<circle cx="18" cy="7" r="6" fill="${colour}"/>`,
    ring: (colour) => `<circle cx="18" cy="7" r="5" fill="none" stroke="${colour}" stroke-width="2"/>`,
    cross: (colour) => `<path d="M11 7h14M18 0v14" stroke="${colour}" stroke-width="3"/>`,
  };
  find(".legend").innerHTML = figure.legend.map(({ role, mark, name, dash }) =>
    `<span><svg viewBox="0 0 36 14" fill="none">${MARKS[mark](ink(role), dash)}</svg>${escape(name)}</span>`).join("");
  find(".hint").textContent = words.hint;
  root.dataset.key = data.key;

  function wake() { state.request ||= requestAnimationFrame(paint); }
  return watch(state, root, root, { wake });
}

// Everything that moves but the drawing itself.
//
// A painter is an object in `painters`: frame(ctx, box, figure, from, to, t, look, pointer) draws
// the way from frame `from` to frame `to` at 0 <= t <= 1 and returns a caption. `look` has the
// theme's colours (text, primary, background, border and the chart's ROLES) and its font;
// `pointer` is where the visitor points at, {x, y} or null. A painter may have `period`, the
// milliseconds of a frame at speed 1, and `smooth`: its motion then takes the whole frame, not
// just a short fade at its start.

const painters = {};
const FRAME_MS = 900;
const FADE_MS = 260;
const PLAY = "M7 4v16l13-8z";
const PAUSE = "M6 4h4v16H6zm8 0h4v16h-4z";

export default function show(component, preview = null) {
  const { parentElement } = component, data = { ...component.data, ...preview };
  const root = parentElement.querySelector(".player");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  // Streamlit calls this again for every change of the data: the position lives on the element.
  // `clock` is the share of the present frame's time that has passed.
  const state = (root.state ??= {
    frame: 0, from: 0, clock: 0, playing: !still.matches, stepping: false, loop: true, over: null, pin: null,
  });
  state.component = component;
  const { words } = data;
  const painter = painters[data.painter], last = data.frames - 1;
  state.frame = state.from = Math.min(state.frame, last);

  const find = (name) => root.querySelector(name);
  const canvas = find("canvas"), caption = find(".caption"), scrub = find(".scrub");
  canvas.style.height = `${data.height}px`; // before the first paint, so that nothing jumps
  for (const name of ["back", "forward", "loop", "scrub", "speed"]) {
    find(`.${name}`).setAttribute("aria-label", words[name]);
    find(`.${name}`).title = words[name];
  }
  canvas.setAttribute("aria-label", data.description);
  root.setAttribute("aria-label", words.player);
  scrub.max = data.frames;

  const period = () => (painter.period ?? FRAME_MS) / Number(find(".speed").value);
  function progress() {
    if (still.matches) return 1;
    const motion = painter.smooth ? period() : Math.min(FADE_MS, period() / 2);
    return Math.min(1, (state.clock * period()) / motion);
  }

  function turn(frame, clock = 0) {
    state.from = state.frame;
    state.frame = (frame + data.frames) % data.frames;
    state.clock = clock;
  }
  function play(on) {
    if (on && !state.loop && state.frame === last && progress() === 1) turn(0);
    state.playing = on;
    state.stepping = false;
    before = performance.now();
    wake();
  }
  function step(by) {
    state.playing = false;
    turn(state.frame + by);
    state.stepping = true;
    before = performance.now();
    wake();
  }
  function jump(frame) {
    state.playing = state.stepping = false;
    turn(frame, 1);
    state.from = state.frame;
    wake();
  }

  function paint(t) {
    const ratio = devicePixelRatio || 1;
    const box = { width: canvas.clientWidth, height: data.height };
    if (!box.width) return;
    const [w, h] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w; canvas.height = h;
    }
    const ctx = canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, box.width, box.height);
    ctx.globalAlpha = 1;
    const text = painter.frame(ctx, box, data.figure, state.from, state.frame, t, look(), state.over ?? state.pin);
    caption.setAttribute("aria-live", state.playing ? "off" : "polite");
    if (caption.textContent !== text) caption.textContent = text;
    root.dataset.frame = state.frame;
    root.dataset.painted = Number(root.dataset.painted || 0) + 1;
    scrub.value = state.frame + 1;
    scrub.setAttribute("aria-valuetext", text);
    find(".position").textContent = `${state.frame + 1} / ${data.frames}`;
    find(".play path").setAttribute("d", state.playing ? PAUSE : PLAY);
    find(".play").setAttribute("aria-label", state.playing ? words.pause : words.play);
    find(".play").title = state.playing ? words.pause : words.play;
    find(".loop").setAttribute("aria-pressed", state.loop);
  }

  function look() {
    const style = getComputedStyle(root);
    const read = (name) => style.getPropertyValue(`--st-${name}`).trim();
    const roles = read("chart-categorical-colors").split(/,(?![^(]*\))/);
    return {
      ...Object.fromEntries(["text", "primary", "background", "border", "secondary-background"]
        .map((name) => [name, read(`${name}-color`)])),
      ...Object.fromEntries(data.roles.map((role, i) => [role, roles[i]?.trim() || read("text-color")])),
      font: style.fontFamily,
    };
  }

  // requestAnimationFrame runs only while something moves; between frames a timer waits.
  let before = performance.now();
  function wake() {
    clearTimeout(state.alarm);
    state.request ||= requestAnimationFrame(tick);
  }
  function tick(now) {
    state.request = 0;
    if (state.playing || state.stepping) state.clock += Math.max(0, now - before) / period();
    before = now;
    if (state.playing && state.clock >= 1) {
      if (!state.loop && state.frame === last) state.playing = false;
      else turn(state.frame + 1, state.clock < 2 ? state.clock - 1 : 0); // 2: the tab was hidden
    }
    const t = progress();
    if (t === 1) state.stepping = false;
    paint(t);
    if (state.stepping || (state.playing && t < 1)) state.request = requestAnimationFrame(tick);
    else if (state.playing) state.alarm = setTimeout(wake, Math.max(0, 1 - state.clock) * period());
  }

  find(".back").onclick = () => step(-1);
  find(".forward").onclick = () => step(1);
  find(".play").onclick = () => play(!state.playing);
  find(".loop").onclick = () => { state.loop = !state.loop; wake(); };
  find(".speed").onchange = wake;
  scrub.oninput = () => jump(Number(scrub.value) - 1);
  root.onkeydown = (event) => {
    if (event.target.matches("select")) return;
    if (event.key === " " && !event.target.matches("button")) find(".play").onclick();
    else if (event.target.matches("input")) return; // the slider has arrows of its own
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "Home") jump(0);
    else if (event.key === "End") jump(last);
    else return;
    event.preventDefault();
  };
  const place = (event) => ({ x: event.offsetX, y: event.offsetY });
  canvas.onpointermove = (event) => { state.over = place(event); wake(); };
  canvas.onpointerleave = () => { state.over = null; wake(); };
  canvas.onclick = (event) => { state.pin = place(event); wake(); };

  return watch(state, root, root, { wake, glance: wake, key: data.place, lay: (preview) => show(state.component, preview) });
}

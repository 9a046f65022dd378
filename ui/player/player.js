// Everything that moves but the drawing itself. A painter's frame(ctx, box, figure, from, to, t,
// colours) draws the way from frame `from` to frame `to` at 0 <= t <= 1 and returns a caption.

const FRAME_MS = 900; // at speed 1
const FADE_MS = 260;
const PLAY = "M7 4v16l13-8z";
const PAUSE = "M6 4h4v16H6zm8 0h4v16h-4z";

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".player");
  // Streamlit calls this again for every change of the data: the position lives on the element.
  const state = (root.state ??= {
    frame: 0, from: 0, changed: -Infinity, due: 0,
    playing: !matchMedia("(prefers-reduced-motion: reduce)").matches, loop: true,
  });
  state.data = data;
  state.frame = Math.min(state.frame, data.frames - 1);
  state.from = state.frame;

  const find = (name) => root.querySelector(name);
  const canvas = find("canvas"), caption = find(".caption"), scrub = find(".scrub");
  canvas.style.height = `${data.height}px`; // before the first paint, so that nothing jumps
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const { words } = data;

  for (const name of ["back", "forward", "loop", "scrub", "speed"]) {
    find(`.${name}`).setAttribute("aria-label", words[name]);
    find(`.${name}`).title = words[name];
  }
  canvas.setAttribute("aria-label", data.description);
  root.setAttribute("aria-label", data.description);
  scrub.max = data.frames;

  function go(frame) {
    state.from = state.frame;
    state.frame = (frame + data.frames) % data.frames;
    state.changed = performance.now();
    wake();
  }
  function play(on) {
    if (on && !state.loop && state.frame === data.frames - 1) go(0);
    state.playing = on;
    state.due = performance.now() + period();
    wake();
  }
  const period = () => FRAME_MS / Number(find(".speed").value);

  function paint(now) {
    const ratio = devicePixelRatio || 1;
    const box = { width: canvas.clientWidth, height: data.height };
    if (!box.width) return;
    const [w, h] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w; canvas.height = h;
    }
    const style = getComputedStyle(root);
    const colours = Object.fromEntries(["text", "primary", "background", "border", "secondary-background"]
      .map((name) => [name, style.getPropertyValue(`--st-${name}-color`).trim()]));
    const fade = still.matches ? 0 : Math.min(FADE_MS, period() / 2);
    const t = fade ? Math.min(1, (now - state.changed) / fade) : 1;
    const ctx = canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, box.width, box.height);
    const text = painters[data.painter].frame(ctx, box, data.figure, state.from, state.frame, t, colours);
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
    return t < 1;
  }

  // requestAnimationFrame runs only while something moves; between frames a timer waits.
  let request = 0, timer = 0;
  function wake() {
    clearTimeout(timer);
    if (!request) request = requestAnimationFrame(tick);
  }
  function tick(now) {
    request = 0;
    if (state.playing && now >= state.due) {
      state.due = Math.max(state.due + period(), now);
      if (!state.loop && state.frame === data.frames - 1) state.playing = false;
      else { state.from = state.frame; state.frame = (state.frame + 1) % data.frames; state.changed = now; }
    }
    const moving = paint(now);
    if (moving) request = requestAnimationFrame(tick);
    else if (state.playing) timer = setTimeout(wake, Math.max(0, state.due - performance.now()));
  }

  find(".back").onclick = () => { play(false); go(state.frame - 1); };
  find(".forward").onclick = () => { play(false); go(state.frame + 1); };
  find(".play").onclick = () => play(!state.playing);
  find(".loop").onclick = () => { state.loop = !state.loop; wake(); };
  find(".speed").onchange = () => play(state.playing);
  scrub.oninput = () => { state.playing = false; go(Number(scrub.value) - 1); };
  root.onkeydown = (event) => {
    if (event.target.matches("input, select")) return;
    if (event.key === " " && !event.target.matches("button")) play(!state.playing);
    else if (event.key === "ArrowRight") find(".forward").onclick();
    else if (event.key === "ArrowLeft") find(".back").onclick();
    else return;
    event.preventDefault();
  };

  const observer = new ResizeObserver(wake);
  observer.observe(root);
  // The theme reaches us as CSS variables only: repaint when the page's look changes.
  const scheme = new MutationObserver(wake);
  for (let node = root.getRootNode().host ?? root; node; node = node.parentElement)
    scheme.observe(node, { attributes: true, attributeFilter: ["class", "style"] });
  state.due ||= performance.now() + period();
  wake();
  return () => {
    observer.disconnect();
    scheme.disconnect();
    cancelAnimationFrame(request);
    clearTimeout(timer);
  };
}

// Listens to the sliders in the sidebar, asks for a preview whenever one shows another value, lays it
// over the picture, and asks for a run when they have come to rest.
//
// A preview goes to the container of its figure, as `value` and an event "preview": charts are bound
// to both (see ui.theme), figures of our own listen (see component.js). "" takes it off again.

const REST_MS = 800, SLIDER = "[data-testid=stSidebar] [data-testid=stSlider]";

export default function (component) {
  const { data, parentElement: root } = component;
  const state = (root.state ??= { held: false, asking: false, again: false, laid: [], under: new Map() });
  const told = JSON.stringify(data), run = told !== state.told;
  Object.assign(state, { component, told });

  const keyOf = (slider) => /(?:^| )st-key-(\S+)/.exec(slider.closest("[class*=st-key-]").className)[1];
  function shown() { // what the last run was told, but for the sliders: what they show now
    const { values, listed } = state.component.data, now = { ...values };
    for (const slider of document.querySelectorAll(SLIDER)) {
      const key = keyOf(slider), input = slider.querySelector("input[type=range]");
      if (!input || !(key in values)) continue;
      now[key] = listed.includes(key) ? input.getAttribute("aria-valuetext") : `${+Number(input.value).toPrecision(12)}`;
    }
    return now;
  }
  const text = (values) => new URLSearchParams(values).toString();
  const moved = () => text(shown()) !== text(state.component.data.values);

  // ---- previews: one lies over the picture just as long as the sliders differ from the last run's
  function lay(key, value) {
    const figure = document.querySelector(`.st-key-${key}`);
    if (!figure) return;
    figure.value = value;
    figure.dispatchEvent(new Event("preview"));
  }
  function show(answer) {
    state.answer = answer;
    for (const key in answer.figures) lay(key, answer.figures[key]);
    state.laid = Object.keys(answer.figures);
    document.querySelectorAll(".st-key-answer_row .readouts").forEach((node, i) => {
      const box = node.parentElement, under = state.under.get(box);
      box.innerHTML = answer.readouts[i];
      state.under.set(box, { node: under?.top === node ? under.node : node, top: box.firstElementChild });
    });
  }
  function uncover() {
    for (const key of state.laid) lay(key, "");
    // Where React has put nothing new, it believes in what was there before.
    for (const [box, { node, top }] of state.under) if (top.parentElement === box) box.replaceChildren(node);
    state.laid = [];
    state.under.clear();
  }
  async function ask() {
    if (state.asking) return void (state.again = true);
    state.asking = true;
    do {
      state.again = false;
      const { data } = state.component, values = shown(), began = performance.now();
      const answer = await fetch(`${data.path}?${text({ ...values, ...data.frame })}`)
        .then((response) => (response.ok ? response.json() : null)).catch(() => null);
      if (JSON.stringify(data) !== state.told || !moved()) continue; // a run knows better
      state.fits = answer?.shape === data.shape;
      if (state.fits) show(answer);
      else if (!state.held) rest(0);
      // A hundred hands would ask without end: each leaves half of the time to the others.
      if (state.again) await new Promise((go) => setTimeout(go, Math.min(performance.now() - began, REST_MS)));
    } while (state.again);
    state.asking = false;
  }

  // ---- runs
  function askRun() {
    clearTimeout(state.alarm);
    if (state.held) return;
    state.count = (state.count ?? state.component.data.serial) + 1; // another value each time
    state.component.setStateValue("rest", state.count);
  }
  function rest(wait) {
    clearTimeout(state.alarm);
    state.alarm = setTimeout(askRun, wait);
  }
  // A link leaves the screen: `ui.links` holds it until the server knows what was set here.
  state.leaving = (event) => {
    if (!moved()) return;
    event.preventDefault();
    askRun();
  };
  state.changed = () => {
    const now = text(shown());
    if (now === state.now) return;
    state.now = now;
    if (agreed()) return;
    ask();
    if (!state.held) rest(REST_MS);
  };
  state.released = () => {
    if (!state.held) return;
    state.held = false;
    state.changed();
    if (!agreed()) rest(state.fits === false ? 0 : REST_MS);
  };
  // Whether the picture of the last run is that of the sliders. Then nothing lies over it.
  function agreed() {
    if (moved()) return false;
    state.now = text(state.component.data.values);
    clearTimeout(state.alarm);
    uncover();
    return true;
  }
  state.shown = () => (state.held ? state.changed() : agreed());

  if (run) {
    state.now = text(shown());
    if (moved()) { // a hand was faster; or the run has moved a slider, which will be seen in a moment
      if (state.laid.length) show(state.answer);
      ask();
      rest(REST_MS);
    } else {
      clearTimeout(state.alarm);
      // The figures get their new data in this very task or the next; before, they have older ones.
      requestAnimationFrame(() => moved() || uncover());
    }
  }

  if (!state.leave) {
    // Streamlit takes over what a key or a hand did in the same task.
    const later = (act) => () => setTimeout(() => act());
    const touches = (event) => event.target.closest?.(SLIDER);
    const typed = (event) => touches(event) && later(() => state.changed())();
    const press = (event) => { if (touches(event)) state.held = true; };
    const release = later(() => state.released());
    const leaving = (event) => state.leaving(event);
    const hear = { leaving, keydown: typed, change: typed, pointerdown: press, pointerup: release, pointercancel: release };
    for (const [name, act] of Object.entries(hear)) addEventListener(name, act, true);
    const look = new MutationObserver(() => state.shown());
    look.observe(document, { subtree: true, attributeFilter: ["aria-valuetext"] });
    state.leave = () => {
      look.disconnect();
      for (const [name, act] of Object.entries(hear)) removeEventListener(name, act, true);
      clearTimeout(state.alarm);
      state.leave = null;
    };
  }
  return state.leave;
}

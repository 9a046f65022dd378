// Streamlit calls a figure's script again for every change of its data, and the clean-up that the
// script returns once, at the end. So what watches the page is set up once, and tells the latest call.
//
// `wake` repaints; it is called now, and when `place` changes its size. `glance` repaints if the look
// of the page has changed: the theme reaches a figure as CSS variables only. Both may keep the frame
// they have asked for in `state.request` and a timer in `state.alarm`: the next call takes them back.
// `lay` is called with a preview (see ui.preview) of the figure of this `key`, or with null.
function watch(state, root, place, { wake, glance, lay, key }) {
  cancelAnimationFrame(state.request);
  clearTimeout(state.alarm);
  state.request = state.alarm = 0;
  Object.assign(state, { wake, glance, lay });
  if (!state.leave) {
    const size = new ResizeObserver(() => state.wake()), look = new MutationObserver(() => state.glance());
    size.observe(place);
    if (glance)
      for (let node = root.getRootNode().host ?? root; node; node = node.parentElement)
        look.observe(node, { attributes: true, attributeFilter: ["class", "style"] });
    const figure = lay && root.getRootNode().host?.closest(`.st-key-${key}`);
    const hear = () => state.lay(figure.value || null);
    figure?.addEventListener("preview", hear);
    state.leave = () => {
      figure?.removeEventListener("preview", hear);
      size.disconnect();
      look.disconnect();
      cancelAnimationFrame(state.request);
      clearTimeout(state.alarm);
      state.leave = null;
    };
  }
  wake();
  return state.leave;
}

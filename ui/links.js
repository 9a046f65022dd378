// A link to another screen waits until what was set a moment ago has reached the server.
//
// A field takes over its text when it loses the focus, a popover tells that it was closed, a slider
// tells when it has come to rest. A message of these that meets the change of screens leads back to
// the old one, or to a page of both.
//
// And the way back: Streamlit makes an entry in the browser's history of every step in which the
// address changes, and going back to one between two steps would only lead forward again. Here each
// thing that a hand does makes one entry.

if (!window.linksWait) {
  window.linksWait = true;
  const LINK = ".st-key-navigation a, [class*=st-key-card_] a", SOON_MS = 150, MOST_MS = 3000;
  let editing = false, passes = false, touched = false, leaving = false;
  const state = () => document.querySelector("[data-testid=stApp]")?.dataset.testScriptState;
  const idle = () => (state() ?? "notRunning") === "notRunning";

  addEventListener("pointerdown", () => {
    editing = Boolean(document.activeElement?.matches("input:not([type=range]), textarea"));
  }, true);

  addEventListener("click", (event) => {
    const link = event.target.closest?.(LINK);
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    leaving = link.pathname !== location.pathname;
    if (passes) return;
    const popover = document.querySelector("[data-testid=stPopoverBody]");
    const told = !document.dispatchEvent(new CustomEvent("leaving", { cancelable: true }));
    if (!popover && !editing && !told) return;
    leaving = false;
    event.preventDefault();
    event.stopPropagation();
    if (popover) document.querySelector("[data-testid=stPopover] button[aria-expanded=true]")?.click();
    const began = performance.now();
    (function wait() {
      const waited = performance.now() - began;
      if (waited < SOON_MS || (waited < MOST_MS && !idle())) return void setTimeout(wait, 30);
      passes = true;
      link.click();
      passes = editing = false;
    })();
  }, true);

  for (const name of ["pointerdown", "keydown"]) {
    addEventListener(name, () => { [touched, leaving] = [true, false]; }, true);
  }
  addEventListener("popstate", () => { touched = false; }, true);
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, url) => {
    const elsewhere = new URL(url ?? "", location.href).pathname !== location.pathname;
    if (leaving && !elsewhere) return; // the last screen's address stays, with all that was set
    if (touched || elsewhere) push(state, unused, url);
    else history.replaceState(state, unused, url);
    touched = leaving = false;
  };
}

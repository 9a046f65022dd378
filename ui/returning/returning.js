// Keeps in this tab the token of its session and what that has, and tells the server of an older one
// (see the module). The tab's storage outlives a reload; a duplicated tab begins with a copy of it,
// so the tabs ask each other who is alive. A connection that was cut and is back is told, too.
//
// The file that a visitor chose stays in the memory of the page, and can be put into the uploader of
// a new session. Only the page of the old session has it: no reload brings it back.

const PLACE = "regularization-lab", AGAIN_MS = 3000, MOST = 20;
const page = (window.regularizationLab ??= { told: 0 });

function kept() {
  try { return JSON.parse(sessionStorage.getItem(PLACE)); } catch { return null; }
}
function keep(value) {
  try { sessionStorage.setItem(PLACE, JSON.stringify(value)); } catch { /* a browser without storage */ }
}

if (!page.channel) {
  page.channel = new BroadcastChannel(PLACE);
  page.channel.onmessage = ({ data }) => {
    if (data.ask && data.ask === page.token) page.channel.postMessage({ alive: data.ask });
    if (data.alive && data.alive === page.asked) page.other = data.alive;
  };
  const note = (files, node) => {
    if (files?.length && node.closest?.(".st-key-upload")) page.file = files[0];
  };
  // Streamlit's page takes a new session for the old one, and shows that at the next touch only.
  const state = ({ target }) => target.dataset.testConnectionState;
  new MutationObserver((changes) => {
    if (state(changes.at(-1)) !== "CONNECTED") page.cut = true;
    else if (page.cut) {
      page.cut = false;
      page.component.setStateValue("awake", performance.now());
    }
  }).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-test-connection-state"] });
  addEventListener("change", ({ target }) => note(target.files, target), true);
  addEventListener("drop", ({ dataTransfer, target }) => note(dataTransfer?.files, target), true);
}

export default function (component) {
  const { data, setStateValue } = component, older = kept();
  page.component = component;
  clearTimeout(page.alarm);
  const settle = () => {
    page.told = 0;
    page.token = data.token;
    keep({ token: data.token, had: data.had });
  };
  function tell() {
    if (page.other === older.token) return settle(); // it is another tab's
    if (page.told >= MOST) return;
    page.told += 1;
    setStateValue("older", { ...older, file: Boolean(page.file), time: page.told });
    page.alarm = setTimeout(tell, AGAIN_MS); // unless the answer comes before
  }
  if (!older || [data.token, data.answered, page.other].includes(older.token)) settle();
  else {
    page.asked = older.token;
    page.channel.postMessage({ ask: older.token });
    page.alarm = setTimeout(tell, page.told ? AGAIN_MS : 0);
  }
  bring(data.file);
}

// Put the file into the uploader, when there is one.
function bring(selector) {
  clearInterval(page.bringing);
  if (!selector || !page.file) return;
  page.bringing = setInterval(() => {
    const input = document.querySelector(selector);
    if (!input) return;
    clearInterval(page.bringing);
    const files = new DataTransfer();
    files.items.add(page.file);
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, 100);
}

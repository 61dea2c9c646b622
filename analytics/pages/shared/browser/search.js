// The search of all pages: the key / goes into its field, names are suggested while somebody types, Enter asks for what is
// typed or goes where a suggestion that the arrows reached leads, Escape leaves it. Where there is no room for the field,
// its button shows it. Names become text nodes, never markup.

const TYPED_MS = 150;
const LEAST_TYPED = 2;

// Outlives the field, which Streamlit may draw anew while somebody types; the functions are those of the last one drawn.
const state = (window.clcSearch ??= { isShown: false, text: "", turn: "", show: null, goOn: null });

const isTyping = (element) => element?.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element?.tagName ?? "");

if (!state.hears) {
  state.hears = true;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.composedPath().some(isTyping)) return;
    event.preventDefault();
    state.isShown = true;
    state.show?.(true);
  });
}

const readNames = () => [...document.querySelectorAll('[data-testid="stTopNavLinkContainer"]')];

// The field begins after the pages' names, however wide the viewer's font makes them.
const names = new ResizeObserver(() => {
  const end = readNames().at(-1)?.getBoundingClientRect().right;
  if (end) document.documentElement.style.setProperty("--clc-names-end", `${end}px`);
});

function followNames() {
  names.disconnect();
  readNames().forEach((name) => names.observe(name));
}

// Streamlit makes the button of a phone's menu anew each time the menu closes, and calls it "Expand sidebar".
const nameMenu = () => document.querySelector('[data-testid="stExpandSidebarButton"]')?.setAttribute("aria-label", "Menu");
const menus = new MutationObserver(nameMenu);

// Says whether Streamlit can be asked now without the loss of a click or of a part of a drawing.
function canAsk() {
  const isIdle = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning";
  return isIdle && (request.since === null || secondsSince(request.since) > REQUEST_SECONDS);
}

function makeOption([name, what, address], place) {
  const option = document.createElement("li");
  Object.assign(option, { id: `clc-suggested-${place}`, role: "option", ariaSelected: "false", title: name, address });
  const kind = document.createElement("small");
  kind.textContent = what;
  option.append(Object.assign(document.createElement("span"), { textContent: name }), kind);
  return option;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const form = parentElement.querySelector(".search");
  const [button, field, list] = ["button", "input", "ul"].map((name) => form.querySelector(name));
  field.placeholder = "/  search names, numbers, ids";
  field.setAttribute("aria-label", "Search all");
  form.title = data.hint;
  const show = (shown) => {
    state.isShown = shown;
    form.toggleAttribute("data-shown", shown);
    button.setAttribute("aria-expanded", String(shown));
    if (shown) field.focus();
    else field.blur();
  };
  const suggest = (options) => {
    list.replaceChildren(...options);
    list.hidden = !options.length;
    list.role = options.length ? "listbox" : null; // a list of choices takes the keys of the page
    field.setAttribute("aria-expanded", String(!list.hidden));
    mark(null);
  };
  const findMarked = () => [...list.children].find((option) => option.ariaSelected === "true");
  const mark = (marked) => {
    for (const option of list.children) option.ariaSelected = String(option === marked);
    if (marked) field.setAttribute("aria-activedescendant", marked.id);
    else field.removeAttribute("aria-activedescendant");
  };
  // Beyond the last suggestion, and before the first, none is marked: then Enter is for what is typed.
  const step = (by) => {
    const stops = [null, ...list.children];
    mark(stops.at((stops.indexOf(findMarked() ?? null) + by) % stops.length));
  };
  const leave = () => {
    clearTimeout(state.timer);
    suggest([]);
    field.value = state.text = "";
    show(false);
  };
  const choose = (option) => {
    leave();
    window.clcGo(new URL(option.address, document.baseURI)); // see `leave.js`
  };
  const ask = () => {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => {
      const text = field.value.trim();
      if (document.activeElement !== field) return;
      if (text.length < LEAST_TYPED) return suggest([]);
      if (!canAsk()) return ask();
      request.since = clocks();
      setTriggerValue("typed", text);
    }, TYPED_MS);
  };
  list.onpointerdown = (event) => event.preventDefault(); // the field keeps the focus
  list.onclick = (event) => {
    const option = event.target.closest("li");
    if (option) choose(option);
  };
  // Before the button's click, so that a click on it hides what its focus shows.
  button.onpointerdown = (event) => event.preventDefault();
  button.onclick = () => show(!form.hasAttribute("data-shown"));
  field.onfocus = () => {
    state.isShown = true;
    field.select();
  };
  // Lets the person type on who was typing in a field that is gone.
  const goOn = () => {
    if (!state.isShown || document.activeElement !== document.body) return;
    field.value = state.text;
    show(true);
    field.setSelectionRange(field.value.length, field.value.length);
  };
  // Later, because a field that Streamlit takes away says so while it is still there.
  field.onblur = () =>
    setTimeout(() => {
      if (!field.isConnected) state.goOn();
      else if (document.activeElement !== field) {
        suggest([]);
        show(false);
      }
    });
  field.oninput = () => {
    state.text = field.value;
    ask();
  };
  field.onkeydown = (event) => {
    event.stopPropagation();
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && !list.hidden) {
      event.preventDefault();
      step(by);
    } else if (event.key === "Escape") {
      if (list.hidden) show(false);
      else suggest([]);
    }
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (findMarked()) return choose(findMarked());
    if (!text) return;
    setTriggerValue("text", text);
    leave();
  };
  // The same data may come again with the drawing of the page.
  if (state.turn !== data.turn) {
    state.turn = data.turn;
    endRequest();
    const isAwaited = document.activeElement === field && data.typed === field.value.trim() && !findMarked();
    if (isAwaited) suggest(data.suggested.map(makeOption));
  }
  Object.assign(state, { show, goOn });
  goOn();
  followNames();
  nameMenu();
  for (const head of document.querySelectorAll('[data-testid="stHeader"]')) menus.observe(head, { childList: true, subtree: true });
  // A window that was too narrow for the names gets them when it is made wider.
  addEventListener("resize", followNames);
  return () => {
    removeEventListener("resize", followNames);
    names.disconnect();
    menus.disconnect();
  };
}

// The search of all pages: the key / goes into its field, Enter asks for what is typed, Escape leaves it. Where there is
// no room for the field, its button shows it.

// Outlives the field, which Streamlit may draw anew while somebody types; the functions are those of the last one drawn.
const state = (window.clcSearch ??= { isShown: false, text: "", show: null, goOn: null });

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

export default function ({ data, parentElement, setTriggerValue }) {
  const form = parentElement.querySelector(".search");
  const [button, field] = [form.querySelector("button"), form.querySelector("input")];
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
      else if (document.activeElement !== field) show(false);
    });
  field.oninput = () => (state.text = field.value);
  field.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Escape") show(false);
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    setTriggerValue("text", text);
    field.value = state.text = "";
    show(false);
  };
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

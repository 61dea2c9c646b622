// The button that shows the filters below it and hides them. They stay on the page: Streamlit's own popover takes its
// fields away when it closes, and a field that was taken away before it has learnt its new value brings the old one back.

const SHOWN = "data-clc-filters";
const MARGIN = 8;
const PHONE = matchMedia("(max-width: 640px)");

const filters = () => document.querySelector('[data-testid="stLayoutWrapper"]:has(> .st-key-filters)');

function place(button) {
  const box = button.getBoundingClientRect();
  const card = filters();
  if (!card) return;
  const left = Math.max(MARGIN, Math.min(box.left, innerWidth - card.offsetWidth - MARGIN));
  // On the document, because Streamlit may draw the card's element anew.
  document.documentElement.style.setProperty("--clc-filters-top", `${box.bottom + 4}px`);
  document.documentElement.style.setProperty("--clc-filters-left", `${left}px`);
}

function show(button, shown) {
  document.documentElement.toggleAttribute(SHOWN, shown);
  button.setAttribute("aria-expanded", String(shown));
  if (shown) place(button);
}

const isShown = () => document.documentElement.hasAttribute(SHOWN);

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  // On a phone the account is behind the button, too.
  const name = () => {
    const count = data.count + (PHONE.matches ? data.accounts : 0);
    button.querySelector("span").textContent = count ? `Filters (${count})` : "Filters";
  };
  name();
  button.setAttribute("aria-expanded", String(isShown()));
  button.onclick = () => show(button, !isShown());
  const hears = new AbortController();
  // Lists of choices and tooltips lie elsewhere in the document, and belong to the fields. On a phone so do the controls in the bar.
  const belongs = (target) => filters()?.contains(target) || parentElement.contains(target)
    || (PHONE.matches && target.closest?.(".st-key-bar") && !target.closest(".st-key-title"));
  const isElsewhere = (target) => target.closest?.('[data-testid="stApp"]') && !belongs(target);
  const host = parentElement.getRootNode().host ?? parentElement;
  document.addEventListener("pointerdown", (event) => {
    if (isShown() && event.target !== host && isElsewhere(event.target)) show(button, false);
  }, { capture: true, signal: hears.signal });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isShown() || document.querySelector('[role="listbox"]')) return;
    event.stopPropagation();
    show(button, false);
    button.focus();
  }, { capture: true, signal: hears.signal });
  addEventListener("resize", () => isShown() && place(button), { signal: hears.signal });
  PHONE.addEventListener("change", name, { signal: hears.signal });
  return () => {
    hears.abort();
    // Another page follows, unless this is drawn again at once.
    setTimeout(() => button.isConnected || document.documentElement.removeAttribute(SHOWN));
  };
}

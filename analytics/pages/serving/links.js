// Links of the top bar lead to a page without its values, except those that a viewer chose for all pages and the time
// range, and the query of the page SQL (see `carry.js`), in one step of the history. By themselves they would carry the whole address, and add a step for each time that it is cleaned.
(() => {
  const CARRIED = ["account", "below", "refresh", "sender"];
  const LINKS = ["stHeader", "stTopNavPopover", "stSidebarNav"].map((id) => `[data-testid="${id}"] a[href]`).join(", ");

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(LINKS);
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || link.origin !== location.origin || !isPlain) return;
    event.preventDefault();
    event.stopPropagation();
    const address = new URL(link.href);
    const here = new URLSearchParams(location.search);
    // The page of an entity has its sender, which is no filter.
    if (here.has("category")) here.delete("sender");
    const page = address.pathname.split("/").pop();
    // What is left out, as by `account=-ACME`, stays so on the pages that can leave it out.
    const isTaken = (text) => text !== null && (!text.startsWith("-") || ["", "notifications"].includes(page));
    address.search = new URLSearchParams(CARRIED.map((name) => [name, here.get(name)]).filter(([, text]) => isTaken(text)));
    const [name, value] = window.clcCarried?.[page] ?? [];
    if (name) address.searchParams.set(name, value);
    for (const [kept, text] of Object.entries(window.clcKept?.[page] ?? {})) address.searchParams.set(kept, text);
    window.clcGo(address); // see `leave.js`
    // On a phone the links are in a menu that covers the page.
    link.closest('[data-testid="stSidebar"]')?.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
  }, true);

  // Streamlit would open the menu of a phone again after a reload, over the page.
  for (const name of Object.keys(localStorage)) if (name.startsWith("stSidebarCollapsed-")) localStorage.removeItem(name);
})();

// Goes to other pages. It lets Streamlit go only when it has sent what was asked for on the page before: Streamlit
// collects that until a timer ends, and if it asked for a part of the old page after it asked for the new page, the
// browser would give up both.
//
// A drawing of the old page may arrive at any time until the new one's. It must not write its own address: Streamlit
// reads from the address which page to open, and would add steps to the history that lead to the old page without its
// filters.
(() => {
  const SENT_MS = 10; // a timer of 0 ms may take 4
  const write = {};
  let isLeaving = false;
  let isAlone = false; // whether the viewer has done nothing since the browser went to the page
  let path = null; // where the browser went; null on the document's first page, which Streamlit may choose
  let timer = null;
  const isElsewhere = (address) => path !== null && new URL(address, document.baseURI).pathname !== path;
  for (const step of ["pushState", "replaceState"]) {
    write[step] = history[step].bind(history);
    history[step] = (...state) => {
      if (isLeaving || isElsewhere(state[2] ?? location)) return;
      write[isAlone ? "replaceState" : step](...state);
    };
  }
  for (const act of ["pointerdown", "click", "keydown"]) addEventListener(act, () => { isAlone = false; }, true);

  // Goes to an address of the dashboard as the browser's own buttons do.
  window.clcGo = (address) => {
    write.pushState({}, "", address);
    window.dispatchEvent(new PopStateEvent("popstate"));
  };

  // Closes an open list of choices, which Streamlit would leave over the page before. Escape would take the choice away.
  function closeList() {
    const field = document.activeElement;
    if (field?.matches('[role="combobox"][aria-expanded="true"]')) field.blur();
  }

  window.addEventListener("popstate", (event) => {
    if (event.isSent) return;
    if (event.isTrusted) closeList();
    event.stopImmediatePropagation();
    isLeaving = isAlone = true;
    path = location.pathname;
    window.dispatchEvent(new Event("clc-leave")); // from now on the old page asks for nothing
    const again = new PopStateEvent("popstate", { state: event.state });
    again.isSent = true;
    clearTimeout(timer);
    timer = setTimeout(() => {
      isLeaving = false;
      window.dispatchEvent(again);
    }, SENT_MS);
  });
})();

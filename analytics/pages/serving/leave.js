// Lets Streamlit go to another page only when it has sent what was asked for on the page before. It collects that until a
// timer ends; if it asked for a part of the old page after it asked for the new page, the browser would give up both.
(() => {
  const SENT_MS = 10; // a timer of 0 ms may take 4
  window.addEventListener("popstate", (event) => {
    if (event.isSent) return;
    event.stopImmediatePropagation();
    window.dispatchEvent(new Event("clc-leave")); // from now on the old page asks for nothing
    const again = new PopStateEvent("popstate", { state: event.state });
    again.isSent = true;
    setTimeout(() => window.dispatchEvent(again), SENT_MS);
  });
})();

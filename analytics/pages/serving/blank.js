// Loads the page again once it is blank: after an error while it draws, React takes away all that it has drawn.

{
  const AGAIN_MS = 10_000;
  const LAST = "clc-blank-at";
  let hasDrawn = false;

  function loadAgain() {
    const wait = Number(sessionStorage.getItem(LAST)) + AGAIN_MS - Date.now();
    if (wait > 0) return setTimeout(loadAgain, wait);
    sessionStorage.setItem(LAST, Date.now());
    location.reload();
  }

  addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("root");
    const watcher = new MutationObserver(() => {
      hasDrawn ||= root.childElementCount > 0;
      if (hasDrawn && !root.childElementCount) {
        watcher.disconnect();
        loadAgain();
      }
    });
    watcher.observe(root, { childList: true });
  });
}

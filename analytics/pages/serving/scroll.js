// Back and forward lead to the place on the page where the viewer was. By itself, Streamlit draws a page from its top.
(() => {
  const AREA = '[data-testid="stMain"]';
  const STEP_MS = 100;
  const GIVES_UP_MS = 30_000;
  const HOLDS_MS = 500; // parts that come late move what is below them
  const places = new Map(); // where each address was left, in pixels
  let wanted = null;
  let isScrolling = true; // whether the viewer scrolls; after a click Streamlit scrolls to the top

  function remember() {
    const area = document.querySelector(AREA);
    if (area) places.set(location.href, area.scrollTop);
  }

  // What the viewer does counts more than where the page was.
  function hear(names, doesScroll) {
    for (const name of names) {
      document.addEventListener(name, (event) => {
        wanted = null;
        isScrolling = doesScroll(event);
        remember();
      }, { capture: true, passive: true });
    }
  }
  hear(["wheel", "touchmove"], () => true);
  hear(["pointerdown"], (event) => event.target.matches?.(AREA)); // its scroll bar
  hear(["keydown"], (event) => event.key !== "Enter" && event.key !== " ");
  document.addEventListener("scroll", (event) => {
    if (wanted === null && isScrolling && event.target.matches?.(AREA)) remember();
  }, true);

  // The bar has a border while rows are below it.
  document.addEventListener("scroll", (event) => {
    if (event.target.matches?.(AREA)) document.documentElement.toggleAttribute("data-clc-scrolled", event.target.scrollTop > 0);
  }, true);

  // A chart's tooltip stays after a tap, and would lie over what comes to its place.
  document.addEventListener("scroll", () => document.querySelector("#vg-tooltip-element")?.classList.remove("visible"), true);

  window.addEventListener("popstate", (event) => {
    if (!event.isTrusted || !places.has(location.href)) return; // a link was clicked, or the page was never left
    const goal = { top: places.get(location.href), begun: performance.now(), reached: null };
    wanted = goal;
    const scroll = () => {
      if (wanted !== goal) return;
      const now = performance.now();
      const area = document.querySelector(AREA);
      if (area && Math.abs(area.scrollTop - goal.top) > 1) Object.assign(area, { scrollTop: goal.top });
      const isThere = area && Math.abs(area.scrollTop - goal.top) <= 1;
      goal.reached = isThere ? (goal.reached ?? now) : null;
      const isOver = (isThere && now - goal.reached > HOLDS_MS) || now - goal.begun > GIVES_UP_MS;
      if (isOver) wanted = null;
      else setTimeout(scroll, STEP_MS);
    };
    scroll();
  });
})();

// Scrolls to a part of the page that a click opened, if it is out of sight. Parts that come late move it, so it is followed
// for a while; what the viewer does meanwhile ends that.

const AREA = '[data-testid="stMain"]';
const STEP_MS = 100;
const HOLDS_MS = 1_500;
const GIVES_UP_MS = 30_000;
const MARGIN = 8;
const PHONE = matchMedia("(max-width: 640px)");

let last = null;

function distanceTo(target) {
  const top = document.querySelector(".st-key-bar")?.getBoundingClientRect().bottom ?? 0;
  return target.getBoundingClientRect().top - top - MARGIN;
}

export default function ({ data }) {
  if (data.turn === last) return;
  last = data.turn;
  if (data.onlyOnPhone && !PHONE.matches) return;
  const mostBelow = data.onlyOnPhone ? MARGIN : innerHeight / 2;
  const hears = new AbortController();
  for (const name of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    document.addEventListener(name, () => hears.abort(), { capture: true, passive: true, signal: hears.signal });
  }
  const begun = performance.now();
  let reached = null;
  let isBringing = false;
  const step = () => {
    const now = performance.now();
    const area = document.querySelector(AREA);
    const target = document.querySelector(data.target);
    const isOver = (reached !== null && now - reached > HOLDS_MS) || now - begun > GIVES_UP_MS || data.turn !== last;
    if (hears.signal.aborted || isOver) return hears.abort();
    if (area && target) {
      const distance = distanceTo(target);
      isBringing ||= distance < -MARGIN || distance > mostBelow;
      if (isBringing && Math.abs(distance) > 1) area.scrollTop += distance;
      // A page that is still too short can't be scrolled so far: then what lengthens it is awaited.
      if (!isBringing || Math.abs(distanceTo(target)) <= 1) reached ??= now;
    }
    setTimeout(step, STEP_MS);
  };
  step();
}

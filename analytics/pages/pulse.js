// Says on the page that the store does not answer, and dims what was shown before. The dashboard's server tells of it;
// where nothing comes from that either, the page finds out by itself: a page without news never looks like a fresh one.

const TICK_MS = 500;
const CHECK_SECONDS = 2;

// The clock may be set, and the other one stands still while the machine sleeps: the longer time is right.
const clocks = () => [performance.now(), Date.now()];
const secondsSince = (begun) => Math.max(...clocks().map((clock, place) => clock - begun[place])) / 1000;

function lasting(seconds) {
  return seconds < 120 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min`;
}

async function checkServer(bar) {
  if (bar.checkedAt && secondsSince(bar.checkedAt) < CHECK_SECONDS) return;
  bar.checkedAt = clocks();
  try {
    const signal = AbortSignal.timeout(CHECK_SECONDS * 1000);
    bar.serverAnswers = (await fetch(new URL("_stcore/health", document.baseURI), { signal })).ok;
  } catch {
    bar.serverAnswers = false;
  }
}

// What is wrong, or null: what the server told last, or that it has told nothing for too long.
function trouble(bar) {
  const quiet = secondsSince(bar.heardAt);
  if (quiet <= bar.patience) {
    bar.serverAnswers = undefined;
    return bar.silence && { who: "The store", seconds: bar.silence.age + quiet, reason: bar.silence.reason };
  }
  checkServer(bar);
  const who = bar.serverAnswers === false ? "The dashboard's server" : "The store";
  const seconds = bar.silence && bar.serverAnswers !== false ? bar.silence.age + quiet : quiet;
  return { who, seconds, reason: bar.silence?.reason ?? "This page goes on as soon as it does." };
}

function draw(bar) {
  const found = trouble(bar);
  bar.hidden = !found;
  document.documentElement.toggleAttribute("data-clc-silent", Boolean(found));
  if (!found) return;
  const since = new Date(Date.now() - found.seconds * 1000).toLocaleTimeString("en-GB");
  bar.querySelector("strong").textContent =
    `${found.who} has not answered for ${lasting(found.seconds)}, since ${since}.`;
  bar.querySelector(".old").textContent = "What you see is older than that. ";
  bar.querySelector(".reason").textContent = found.reason;
}

export default function ({ data, parentElement }) {
  const bar = parentElement.querySelector(".silent");
  if (bar.turn !== data.turn) {
    Object.assign(bar, { turn: data.turn, heardAt: clocks(), silence: data.silence, patience: data.patience });
  }
  draw(bar);
  clearInterval(bar.timer);
  bar.timer = setInterval(() => draw(bar), TICK_MS);
  return () => {
    clearInterval(bar.timer);
    document.documentElement.removeAttribute("data-clc-silent");
  };
}

// Says on the page that the store does not answer, and dims what was shown before. The dashboard's server tells of it,
// and is asked besides, as it tells nothing while it waits for the store itself. Where it does not answer either, the
// page finds out by itself: a page without news never looks like a fresh one.

const ASK_SECONDS = 1;
const ANSWER_MS = 2000;
const NO_SUCH_ADDRESS = 404; // Streamlit serves the dashboard alone

function duration(seconds) {
  return seconds < 120 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min`;
}

function hear(bar, silence) {
  Object.assign(bar, { silence, toldAt: clocks() });
}

async function askServer(bar) {
  if (bar.askedAt && secondsSince(bar.askedAt) < ASK_SECONDS) return;
  bar.askedAt = clocks();
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await fetch(new URL(bar.address, document.baseURI), { signal, cache: "no-store" });
    bar.serverAnswers = answer.ok || answer.status === NO_SUCH_ADDRESS;
    if (answer.ok) hear(bar, (await answer.json()).silence);
  } catch {
    bar.serverAnswers = false;
  }
}

// What is wrong, or null: what the server told last, or that the page has waited too long for what it draws.
function trouble(bar) {
  const quiet = secondsSince(bar.heardAt);
  const waits = quiet > bar.patience;
  if (waits && bar.serverAnswers === false) {
    return { who: "The dashboard's server has not answered", seconds: quiet, reason: "This page goes on once it does." };
  }
  if (bar.silence) {
    const { slow, age, reason } = bar.silence;
    const who = slow ? "The store has been slow with queries" : "The store has not answered";
    return { who, seconds: age + secondsSince(bar.toldAt), reason };
  }
  return waits && { who: "The store has not answered", seconds: quiet, reason: "This page goes on as soon as it does." };
}

function draw(bar) {
  askServer(bar);
  const found = bar.muted ? null : trouble(bar);
  bar.hidden = !found;
  document.documentElement.toggleAttribute("data-clc-silent", Boolean(found));
  if (!found) return;
  const since = new Date(Date.now() - found.seconds * 1000).toLocaleTimeString("en-GB");
  bar.querySelector("strong").textContent = `${found.who} for ${duration(found.seconds)}, since ${since}.`;
  bar.querySelector(".old").textContent = "What you see is older than that. ";
  bar.querySelector(".reason").textContent = found.reason;
}

export default function ({ data, parentElement }) {
  const bar = parentElement.querySelector(".silent");
  if (bar.turn !== data.turn) {
    const { turn, patience, address, muted } = data;
    Object.assign(bar, { turn, patience, address, muted, heardAt: clocks() });
    hear(bar, data.silence);
  }
  draw(bar);
  clearInterval(bar.timer);
  bar.timer = setInterval(() => draw(bar), TICK_MS);
  return () => {
    clearInterval(bar.timer);
    document.documentElement.removeAttribute("data-clc-silent");
  };
}

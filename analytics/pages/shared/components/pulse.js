// Says on the page that the store does not answer, and dims what was shown before; or that a listener does not answer.
// It asks the dashboard's server, which answers while the page itself waits for the store; when the store has gone or
// come back, it asks for a new drawing. Where that server does not answer either, the page finds out by itself: a page
// without news never looks like a fresh one.

const ASK_SECONDS = 1;
const ANSWER_MS = 2000;
const DRAW_SECONDS = 1.5;

function duration(seconds) {
  return seconds < 120 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min`;
}

function hear(bar, { silence, listener }) {
  Object.assign(bar, { silence, listener, heardAt: clocks() });
}

async function askServer(bar) {
  if (bar.askedAt && secondsSince(bar.askedAt) < ASK_SECONDS) return;
  bar.askedAt = clocks();
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await fetch(new URL(bar.address, document.baseURI), { signal, cache: "no-store" });
    // Streamlit alone has no such address: then only a drawing tells.
    bar.isServed = answer.ok && answer.headers.get("Content-Type") === "application/json";
    bar.serverAnswers = true;
    if (bar.isServed) hear(bar, await answer.json());
  } catch {
    bar.serverAnswers = false;
  }
}

function isOutdated(bar) {
  if (bar.serverAnswers && !bar.isServed) return secondsSince(bar.drawnAt) > DRAW_SECONDS;
  const isGone = Boolean(bar.silence && !bar.silence.slow);
  return !bar.muted && isGone !== bar.away;
}

function askForDrawing(bar) {
  const asked = bar.askedToDraw && secondsSince(bar.askedToDraw) < DRAW_SECONDS;
  const rested = hasRested();
  if (asked || !isOutdated(bar) || !rested) return;
  bar.askedToDraw = clocks();
  bar.ask("changed", true);
}

// What is wrong with what the page shows, or null: what the server told last, or that nothing was heard for too long.
function trouble(bar) {
  const quiet = secondsSince(bar.heardAt);
  if (quiet > bar.patience && bar.serverAnswers === false) {
    return { who: "The dashboard's server has not answered", seconds: quiet, reason: "This page goes on once it does." };
  }
  if (bar.silence) {
    const { slow, age, reason } = bar.silence;
    const who = slow ? "The store has been slow with queries" : "The store has not answered";
    return { who, seconds: age + secondsSince(bar.heardAt), reason };
  }
  const reason = "This page goes on as soon as it does.";
  return quiet > bar.patience && { who: "The store has not answered", seconds: quiet, reason };
}

// What is wrong although the page shows what there is, or null.
function loss(bar) {
  if (!bar.listener) return null;
  const { age, reason } = bar.listener;
  return { who: "The listener has not answered", seconds: age + secondsSince(bar.heardAt), reason };
}

function draw(bar) {
  askServer(bar);
  askForDrawing(bar);
  const outdated = bar.muted ? null : trouble(bar);
  const found = outdated || (bar.muted ? null : loss(bar));
  bar.hidden = !found;
  document.documentElement.toggleAttribute("data-clc-silent", Boolean(outdated));
  if (!found) return;
  const since = new Date(Date.now() - found.seconds * 1000).toLocaleTimeString("en-GB");
  bar.querySelector("strong").textContent = `${found.who} for ${duration(found.seconds)}, since ${since}.`;
  bar.querySelector(".old").textContent = outdated ? "What you see is older than that. " : "";
  bar.querySelector(".reason").textContent = found.reason;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const bar = parentElement.querySelector(".silent");
  if (bar.turn !== data.turn) {
    Object.assign(bar, data, { drawnAt: clocks(), ask: setTriggerValue });
    hear(bar, data);
  }
  draw(bar);
  clearInterval(bar.timer);
  bar.timer = setInterval(() => draw(bar), TICK_MS);
  return () => {
    clearInterval(bar.timer);
    document.documentElement.removeAttribute("data-clc-silent");
  };
}

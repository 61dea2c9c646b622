// Says on the page that the store does not answer, and dims the old values; or that a listener does not answer.
// It asks the dashboard's server, which answers even while the page waits for the store. When the store has gone or come
// back, when other senders are known, and as long as the page waits for something, it requests a new drawing. If that
// server does not answer either, the page notices by itself: a page without news never looks like a fresh one.

const ASK_SECONDS = 1;
const ANSWER_MS = 2000;
const DRAW_SECONDS = 1.5;
const LOOK_SECONDS = 0.5;
const AWAITED = '[class*="st-key-awaited-"]';
const GOES_ON = "This page goes on as soon as it does.";
const LOG_IN = "Your log-in may have ended: reload this page; copy what you have typed before.";
const SERVER_ERRORS = 500; // statuses from here on are a proxy's: it does not reach the dashboard's server
const FORGOTTEN_SECONDS = 4; // before that, Streamlit may connect again by itself

// In the document only while it is needed: a browser tries a rule with :has() on every element that it draws.
const OLD = document.createElement("style");
OLD.textContent = `[data-testid="stLayoutWrapper"]:has(> .st-key-bar) ~ :not(:has(
  .st-key-pulse, .st-key-instead, .st-key-not-running, .st-key-health-without-store, .st-key-sql-editor
)) { opacity: 0.6; filter: grayscale(0.7); }`;

function duration(seconds) {
  return seconds < 120 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min`;
}

function hear(bar, { silence, listener, senders }) {
  Object.assign(bar, { silence, listener, senders, heardAt: clocks() });
}

async function askServer(bar) {
  if (bar.askedAt && secondsSince(bar.askedAt) < ASK_SECONDS) return;
  bar.askedAt = clocks();
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const headers = { "Clc-Session": bar.session };
    // A proxy may lead to its log-in, on a server that the page must not ask.
    const options = { signal, headers, cache: "no-store", redirect: "manual" };
    const answer = await fetch(new URL(bar.address, document.baseURI), options);
    // Streamlit alone has no such address, and a proxy may want a log-in: then only a drawing tells.
    bar.isServed = answer.ok && answer.headers.get("Content-Type") === "application/json";
    bar.serverAnswers = answer.status < SERVER_ERRORS;
    if (!bar.isServed) return;
    window.clcServed = true;
    const pulse = await answer.json();
    hear(bar, pulse);
    bar.forgottenAt = pulse.known && !areRequestsLost() ? null : (bar.forgottenAt ?? clocks());
  } catch {
    bar.serverAnswers = false;
  }
}

// A server that was started again, or has given up a browser whose machine slept, draws nothing more on this page.
function isForgotten(bar) {
  if (!bar.isServed || !bar.serverAnswers) return false;
  return Boolean(bar.forgottenAt) && secondsSince(bar.forgottenAt) > FORGOTTEN_SECONDS;
}

// Says whether loading the page again could lose what somebody has typed.
function isTyped() {
  return document.activeElement?.matches("input, textarea") || Boolean(document.querySelector(".st-key-sql-editor"));
}

// Streamlit's own dialog covers the page, and the bar says more.
function closeDialog() {
  for (const dialog of document.querySelectorAll('[role="dialog"]')) {
    if (dialog.textContent.startsWith("Connection error")) dialog.querySelector('[aria-label="Close"]')?.click();
  }
}

function isOutdated(bar) {
  if (bar.serverAnswers && !bar.isServed) return secondsSince(bar.drawnAt) > DRAW_SECONDS;
  const isGone = Boolean(bar.silence && !bar.silence.slow);
  return !bar.muted && (isGone !== bar.away || bar.senders !== bar.drawn_with);
}

function isDue(bar) {
  const waited = bar.askedToDraw ? secondsSince(bar.askedToDraw) : Infinity;
  if (document.querySelector(AWAITED)) return waited > LOOK_SECONDS;
  return waited > DRAW_SECONDS && isOutdated(bar);
}

function askForDrawing(bar) {
  const rested = hasRested();
  if (!rested || !isDue(bar)) return;
  bar.askedToDraw = clocks();
  requestDrawing(bar.ask, "changed");
}

// Returns the trouble with the shown values, or null: the server's last report, or a silence that is too long.
function trouble(bar) {
  const quiet = Math.min(secondsSince(bar.heardAt), secondsSince(request.answeredAt));
  const isLate = quiet > bar.patience;
  const isLoggedOut = bar.isServed === false && window.clcServed;
  if (isLate && (bar.serverAnswers === false || isLoggedOut)) {
    const reason = bar.serverAnswers ? LOG_IN : GOES_ON;
    return { subject: "The dashboard's server has not answered", seconds: quiet, reason };
  }
  if (isForgotten(bar)) {
    const reason = "Reload it; copy what you have typed before.";
    return { subject: "This page has not been connected", seconds: secondsSince(bar.forgottenAt), reason };
  }
  if (bar.silence) {
    const { slow, age, reason } = bar.silence;
    const subject = slow ? "The store has been slow with queries" : "The store has not answered";
    // A page with nothing else to show gives the reason itself.
    return { subject, seconds: age + secondsSince(bar.heardAt), reason: bar.muted ? GOES_ON : reason };
  }
  // Without such an address only a drawing tells. Else the tab was hidden or the machine slept, and an answer is on its way.
  const isSilent = isLate && bar.isServed === false;
  return isSilent ? { subject: "The store has not answered", seconds: quiet, reason: GOES_ON } : null;
}

// Returns a trouble that does not affect the shown values, or null.
function loss(bar) {
  if (!bar.listener) return null;
  const { age, reason } = bar.listener;
  return { subject: "The listener has not answered", seconds: age + secondsSince(bar.heardAt), reason };
}

// Shows that all but what is written or chosen is old, or that it is not.
function showAge(isOld) {
  document.documentElement.toggleAttribute("data-clc-silent", isOld);
  if (!isOld) OLD.remove();
  else if (!OLD.isConnected) document.head.append(OLD);
}

function draw(bar) {
  askServer(bar);
  askForDrawing(bar);
  closeDialog();
  if (isForgotten(bar) && !isTyped()) location.reload();
  const outdated = trouble(bar);
  const shown = outdated || loss(bar);
  bar.hidden = !shown;
  showAge(Boolean(outdated));
  document.documentElement.toggleAttribute("data-clc-lost", Boolean(loss(bar)));
  if (!shown) return;
  const since = new Date(Date.now() - shown.seconds * 1000).toLocaleTimeString("en-GB");
  bar.querySelector("strong").textContent = `${shown.subject} for ${duration(shown.seconds)}, since ${since}.`;
  bar.querySelector(".old").textContent = outdated && !bar.muted ? "What you see is older than that. " : "";
  bar.querySelector(".reason").textContent = shown.reason;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const bar = parentElement.querySelector(".silent");
  if (bar.turn !== data.turn) {
    Object.assign(bar, data, { drawnAt: clocks(), ask: setTriggerValue });
    hear(bar, data);
    endRequest();
  }
  draw(bar);
  clearInterval(bar.timer);
  bar.timer = setInterval(() => draw(bar), TICK_MS);
  return () => {
    clearInterval(bar.timer);
    showAge(false);
  };
}

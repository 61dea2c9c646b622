// Shared code of the scripts that count seconds by themselves; it is put before each of them.

const TICK_MS = 500;

// Somebody may set one clock, and the other stands still while the machine sleeps: the longer time is right.
const clocks = () => [performance.now(), Date.now()];
const secondsSince = (begun) => Math.max(...clocks().map((clock, place) => clock - begun[place])) / 1000;

const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];

// Clocks of two machines differ by some seconds: only a moment that lies further ahead is said to be there.
const AHEAD_SECONDS = 60;

function ago(seconds) {
  const isAhead = seconds <= -AHEAD_SECONDS;
  const whole = Math.max(Math.floor(isAhead ? -seconds : seconds), 0);
  const word = isAhead ? "ahead" : "ago";
  for (const [unit, length] of UNITS) if (whole >= 2 * length) return `${Math.floor(whole / length)} ${unit} ${word}`;
  return `${whole} s ${word}`;
}

// Returns a text unchanged; or the age of a moment, which was `age` seconds when the clocks stood at `begun`, and text.
function inWords(part, begun) {
  return typeof part === "string" ? part : ago(part.age + secondsSince(begun)) + part.after;
}

// Says whether Streamlit has drawn nothing, and nothing was requested, for a while: an earlier request may cost a click,
// or bring back what a click has just cleared. It must be called again and again.
// When the browser goes to another page, this waits for that page: before that, a request keeps Streamlit on the old one.
// All scripts of a page share one request: where a whole drawing and one of its parts are requested together, Streamlit
// throws away the part of the first, and the page is empty there until the second comes.
const REST_SECONDS = 0.5;
const BEGIN_SECONDS = 10;
const REQUEST_SECONDS = 3; // a request may get lost
const MOST_LOST = 3;
let restsSince = null;
let leftAt = null;
let actedAt = null;
const request = (window.clcRequest ??= { since: null, lost: 0, answeredAt: null });
for (const leaving of ["popstate", "clc-leave"]) addEventListener(leaving, () => { leftAt = clocks(); });
// Streamlit shows some time after a click that it draws, and a request in that time would cost the click.
for (const act of ["pointerdown", "click", "keydown"]) addEventListener(act, () => { actedAt = clocks(); }, true);

function hasRested() {
  const rests = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning";
  if (!rests) leftAt = null;
  restsSince = rests ? (restsSince ?? clocks()) : null;
  const isLeaving = leftAt !== null && secondsSince(leftAt) < BEGIN_SECONDS;
  const isRequested = request.since !== null && secondsSince(request.since) < REQUEST_SECONDS;
  const hasActed = actedAt !== null && secondsSince(actedAt) < REST_SECONDS;
  return rests && !isLeaving && !isRequested && !hasActed && secondsSince(restsSince) >= REST_SECONDS;
}

// Requests a drawing of the fragment to which a script belongs.
function requestDrawing(ask, why) {
  request.since = clocks();
  request.lost += 1; // until it is answered
  ask(why, true);
}

// Notes that a requested drawing has arrived.
function endRequest() {
  request.since = null;
  request.lost = 0;
  request.answeredAt = clocks();
}

// Says whether one request after the other got lost, though the page rests between them.
function areRequestsLost() {
  return request.lost > MOST_LOST;
}

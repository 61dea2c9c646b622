// What scripts of the page share that count seconds by themselves: it stands before them.

const TICK_MS = 500;

// The clock may be set, and the other one stands still while the machine sleeps: the longer time is right.
const clocks = () => [performance.now(), Date.now()];
const secondsSince = (begun) => Math.max(...clocks().map((clock, place) => clock - begun[place])) / 1000;

const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];

function ago(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  for (const [unit, length] of UNITS) if (whole >= 2 * length) return `${Math.floor(whole / length)} ${unit} ago`;
  return `${whole} s ago`;
}

// A text as it is; or how long ago a moment is, that was `age` seconds ago when the clocks stood at `begun`, and text.
function inWords(part, begun) {
  return typeof part === "string" ? part : ago(part.age + secondsSince(begun)) + part.after;
}

// Whether Streamlit has drawn nothing, and was asked for nothing, for a while: a drawing that is asked for sooner may cost
// a click, or bring back what a click has just cleared. It has to be called again and again.
// Where the browser goes to another page, it waits for that page to begin: asked before, Streamlit stays on the old one.
const REST_SECONDS = 0.5;
const BEGIN_SECONDS = 10;
let restsSince = null;
let leftAt = null;
addEventListener("popstate", () => { leftAt = clocks(); });

function hasRested() {
  const rests = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning";
  if (!rests) leftAt = null;
  restsSince = rests ? (restsSince ?? clocks()) : null;
  const isLeaving = leftAt !== null && secondsSince(leftAt) < BEGIN_SECONDS;
  return rests && !isLeaving && secondsSince(restsSince) >= REST_SECONDS;
}

// Shows a line of text with ages in it, which count by themselves: a page that hears nothing any more still gets older.
// Whatever came from outside gets into the page as text nodes only.

const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];
const TICK_MS = 500;

function words(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  for (const [unit, length] of UNITS) if (whole >= 2 * length) return `${Math.floor(whole / length)} ${unit} ago`;
  return `${whole} s ago`;
}

// The clock may be set, and the other one stands still while the machine sleeps: the longer time is right.
const clocks = () => [performance.now(), Date.now()];
const secondsSince = (begun) => Math.max(...clocks().map((clock, place) => clock - begun[place])) / 1000;

function draw(line) {
  const passed = secondsSince(line.begun);
  const text = line.parts.map((part) => (typeof part === "string" ? part : words(part.age + passed))).join("");
  if (line.textContent !== text) line.textContent = text;
}

export default function ({ data, parentElement }) {
  const line = parentElement.querySelector(".age");
  // The same data may come again, with the next drawing of something else: only new data begins anew.
  if (line.dataset.turn !== data.turn) {
    Object.assign(line, { parts: data.parts, begun: clocks() });
    Object.assign(line.dataset, { turn: data.turn, drawnAt: data.drawnAt });
  }
  draw(line);
  clearInterval(line.timer);
  line.timer = setInterval(() => draw(line), TICK_MS);
  return () => clearInterval(line.timer);
}

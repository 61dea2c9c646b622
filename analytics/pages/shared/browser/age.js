// Shows a line of text with ages that count by themselves: a page without news still gets older.
// Text from outside becomes text nodes, never markup.

const LATE_SECONDS = 60;
const OLD_SECONDS = 600;

// Draws the line, and a lamp before it where its first part is an age that says whether the page is current.
function draw(line) {
  const text = line.parts.map((part) => inWords(part, line.begun)).join("");
  if (line.textContent !== text) line.textContent = text;
  if (line.hasLamp) line.dataset.lamp = chooseLamp(line.parts[0].age + secondsSince(line.begun));
  else delete line.dataset.lamp;
}

function chooseLamp(seconds) {
  return seconds < LATE_SECONDS ? "fresh" : seconds < OLD_SECONDS ? "late" : "old";
}

export default function ({ data, parentElement }) {
  const line = parentElement.querySelector(".age");
  // The same data may come again with the drawing of another element: only new data restarts the count.
  if (line.dataset.turn !== data.turn) {
    Object.assign(line, { parts: data.parts, begun: clocks(), hasLamp: data.lamp, title: data.hover });
    Object.assign(line.dataset, { turn: data.turn, drawnAt: data.drawnAt });
  }
  draw(line);
  clearInterval(line.timer);
  line.timer = setInterval(() => draw(line), TICK_MS);
  return () => clearInterval(line.timer);
}

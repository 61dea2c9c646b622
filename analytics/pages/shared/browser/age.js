// Shows a line of text with ages that count by themselves: a page without news still gets older.
// Text from outside becomes text nodes, never markup.

function draw(line) {
  const text = line.parts.map((part) => inWords(part, line.begun)).join("");
  if (line.textContent !== text) line.textContent = text;
}

export default function ({ data, parentElement }) {
  const line = parentElement.querySelector(".age");
  // The same data may come again with the drawing of another element: only new data restarts the count.
  if (line.dataset.turn !== data.turn) {
    Object.assign(line, { parts: data.parts, begun: clocks() });
    Object.assign(line.dataset, { turn: data.turn, drawnAt: data.drawnAt });
  }
  draw(line);
  clearInterval(line.timer);
  line.timer = setInterval(() => draw(line), TICK_MS);
  return () => clearInterval(line.timer);
}

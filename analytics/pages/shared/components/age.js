// Shows a line of text with ages in it, which count by themselves: a page that hears nothing any more still gets older.
// Whatever came from outside gets into the page as text nodes only.

function draw(line) {
  const text = line.parts.map((part) => inWords(part, line.begun)).join("");
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

// Shows a line of text with ages that count by themselves: a page without news still gets older.
// Text from outside becomes text nodes, never markup.

const LATE_SECONDS = 60;
const OLD_SECONDS = 600;

// Draws the line, and a lamp before it where its first part is an age that says whether the page is current. Only the
// number of that age has room in a phone's bar; where the bar is full, what follows the age goes into a hidden line.
function draw(line) {
  const text = line.parts.map((part) => inWords(part, line.begun)).join("");
  if (line.textContent !== text) line.replaceChildren(...(line.hasLamp ? splitAfterNumber(text) : [text]));
  if (line.hasLamp) line.dataset.lamp = line.isOld ? "old" : chooseLamp(line.parts[0].age + secondsSince(line.begun));
  else delete line.dataset.lamp;
}

function splitAfterNumber(text) {
  const place = text.search(/ (ago|ahead)/);
  const next = text.indexOf(" · ", place);
  const [rest, more] = [document.createElement("span"), document.createElement("span")];
  [rest.className, more.className] = ["rest", "more"];
  more.textContent = next < 0 ? "" : text.slice(next);
  rest.append(text.slice(place, next < 0 ? undefined : next), document.createElement("wbr"), more);
  return [text.slice(0, place), rest];
}

function chooseLamp(seconds) {
  if (document.documentElement.hasAttribute("data-clc-silent")) return "old";
  return seconds < LATE_SECONDS ? "fresh" : seconds < OLD_SECONDS ? "late" : "old";
}

export default function ({ data, parentElement }) {
  const line = parentElement.querySelector(".age");
  // The same data may come again with the drawing of another element: only new data restarts the count.
  if (line.dataset.turn !== data.turn) {
    Object.assign(line, { parts: data.parts, begun: clocks(), hasLamp: Boolean(data.lamp), isOld: data.lamp === "old", title: data.hover });
    Object.assign(line.dataset, { turn: data.turn, drawnAt: data.drawnAt });
  }
  draw(line);
  clearInterval(line.timer);
  line.timer = setInterval(() => draw(line), TICK_MS);
  return () => clearInterval(line.timer);
}

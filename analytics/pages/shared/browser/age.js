// Shows a line of text with ages that count by themselves: a page without news still gets older.
// Text from outside becomes text nodes, never markup.

const LATE_SECONDS = 60;
const OLD_SECONDS = 600;

// Draws the line, and a lamp before it where its first part is an age that says whether the page is current. Only the
// number of that age has room in a phone's bar; where the bar is full, what follows the age goes into a hidden line.
function draw(line) {
  const text = line.parts.map((part) => inWords(part, line.begun)).join("");
  if (line.textContent !== text) line.replaceChildren(...(line.hasLamp ? splitAfterNumber(text) : [text]));
  if (line.hasLamp) line.dataset.lamp = chooseLamp(line);
  else delete line.dataset.lamp;
  if (line.trouble !== null) nameTab(isSilent() ? "● no answer" : line.trouble && `▲ ${line.trouble}`);
}

const isSilent = () => document.documentElement.hasAttribute("data-clc-silent");

// A trouble, if there is one, comes first in the title of the tab, whose other words Streamlit writes.
function nameTab(trouble) {
  const plain = document.title.replace(/^[▲●] .*? · /, "");
  const title = trouble ? `${trouble} · ${plain}` : plain;
  if (document.title !== title) document.title = title;
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

function chooseLamp(line) {
  const seconds = line.parts[0].age + secondsSince(line.begun);
  const isLost = document.documentElement.hasAttribute("data-clc-lost");
  if (seconds >= OLD_SECONDS || isSilent() || isLost || line.lamp === "old") return "old";
  return seconds >= LATE_SECONDS ? "late" : line.lamp;
}

export default function ({ data, parentElement }) {
  const line = parentElement.querySelector(".age");
  // The same data may come again with the drawing of another element: only new data restarts the count.
  if (line.dataset.turn !== data.turn) {
    const { parts, lamp, trouble, hover } = data;
    Object.assign(line, { parts, lamp, trouble, begun: clocks(), hasLamp: Boolean(lamp), title: hover });
    Object.assign(line.dataset, { turn: data.turn, drawnAt: data.drawnAt });
  }
  draw(line);
  clearInterval(line.timer);
  line.timer = setInterval(() => draw(line), TICK_MS);
  return () => clearInterval(line.timer);
}

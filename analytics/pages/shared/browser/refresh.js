// Requests the next drawing of its fragment some seconds after the last one, once the page is at rest.

const LOOK_MS = 100;

function look(counter, ask) {
  const rested = hasRested();
  if (secondsSince(counter.countedFrom) < counter.seconds || !rested) return;
  counter.countedFrom = clocks(); // a request may get lost, for example with a broken connection
  requestDrawing(ask, "due");
}

export default function ({ data, parentElement, setTriggerValue }) {
  const counter = parentElement.querySelector("span");
  // The same data may come again with the drawing of another element: only new data restarts the count.
  if (counter.turn !== data.turn) {
    Object.assign(counter, data, { countedFrom: clocks() });
    endRequest();
  }
  clearInterval(counter.timer);
  counter.timer = setInterval(() => look(counter, setTriggerValue), LOOK_MS);
  return () => clearInterval(counter.timer);
}

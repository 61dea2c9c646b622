// Asks for the next drawing of the fragment that this stands in: some seconds after the last, once the page is at rest.

const LOOK_MS = 100;

function look(counter, ask) {
  if (secondsSince(counter.drawnAt) < counter.seconds || !isAtRest()) return;
  clearInterval(counter.timer);
  ask("due", true);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const counter = parentElement.querySelector("span");
  // The same data may come again, with the next drawing of something else: only new data begins anew.
  if (counter.turn === data.turn) return;
  clearInterval(counter.timer);
  Object.assign(counter, { ...data, drawnAt: clocks() });
  counter.timer = setInterval(() => look(counter, setTriggerValue), LOOK_MS);
}

// Asks for the next drawing of the fragment that this stands in: some seconds after the last, once the page is at rest.

const LOOK_MS = 100;

function look(counter, ask) {
  const rested = hasRested();
  if (secondsSince(counter.countedFrom) < counter.seconds || !rested) return;
  counter.countedFrom = clocks(); // what is asked for may get lost, with a connection that breaks, say
  ask("due", true);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const counter = parentElement.querySelector("span");
  // The same data may come again, with the next drawing of something else: only new data begins anew.
  if (counter.turn !== data.turn) Object.assign(counter, data, { countedFrom: clocks() });
  clearInterval(counter.timer);
  counter.timer = setInterval(() => look(counter, setTriggerValue), LOOK_MS);
  return () => clearInterval(counter.timer);
}

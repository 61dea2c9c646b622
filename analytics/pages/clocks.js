// What scripts of the page share that count seconds by themselves: it stands before them.

const TICK_MS = 500;

// The clock may be set, and the other one stands still while the machine sleeps: the longer time is right.
const clocks = () => [performance.now(), Date.now()];
const secondsSince = (begun) => Math.max(...clocks().map((clock, place) => clock - begun[place])) / 1000;

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

// How long ago something was: "3 min ago".
function ago(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  const [unit, length] = UNITS.find(([, length]) => whole >= 2 * length) ?? ["s", 1];
  return `${Math.floor(whole / length)} ${unit} ago`;
}

// How long something has lasted, in its two largest units: "3 h 4 min".
function lasting(seconds) {
  const whole = Math.max(Math.floor(seconds), 0);
  const place = UNITS.findIndex(([, length]) => whole >= length);
  if (place < 0) return "0 s";
  return UNITS.slice(place, place + 2)
    .map(([unit, length], below) => [Math.floor((below ? whole % UNITS[place][1] : whole) / length), unit])
    .filter(([number]) => number)
    .map((pair) => pair.join(" "))
    .join(" ");
}

// Text in which each age goes on from the moment that it was told: an age is `{ age: seconds, lasts: true or false }`.
function told(part, begun) {
  if (part === null || typeof part === "string") return part;
  return (part.lasts ? lasting : ago)(part.age + secondsSince(begun));
}

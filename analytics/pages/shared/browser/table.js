// Draws a table of text. Text from outside becomes text nodes and titles, never markup.
// Rows keep their elements from one drawing to the next, so that a refresh moves neither scroll nor focus. A click
// reports the row's own id, so that newer rows arriving at that moment can't take it.

function cellElement(column, place) {
  const cell = document.createElement("td");
  if (column.opens) {
    const button = document.createElement("button");
    button.type = "button";
    cell.append(button);
  }
  return cell;
}

const MOST_BREAKS = 200;

// Lets a long name break after its separators: an e-mail after its @, a path after a slash; never within a number.
function splitAtSeparators(text) {
  const parts = text.split(/(?<=[@./_-])(?!(?<=\d[.-])\d)(?=[^\s])/);
  return parts.length > MOST_BREAKS ? [text] : parts.flatMap((part, place) => (place ? [document.createElement("wbr"), part] : [part]));
}

// Without the head, a name does not need its column's, but a number or a time does. Words in place of a time do not: only
// a time has a hover.
function needsName(column, hover) {
  return Boolean(column.align || (column.time && hover));
}

// A time without its date: that stands above the first row of its day, and on a hover.
const withoutDate = (text) => text.slice("2026-01-01 ".length);

function fillCell(cell, column, whole, tone, hover, share) {
  const text = column.days ? withoutDate(whole) : whole;
  const kinds = [share != null && "bar", column.names && "names", column.marks && "mark", column.says && "says"];
  cell.className = [column.align, tone, ...kinds].filter(Boolean).join(" ");
  if (share != null) cell.style.setProperty("--share", `${share * 100}%`);
  const holder = column.opens ? cell.firstChild : cell;
  if (holder.textContent !== text) holder.replaceChildren(...splitAtSeparators(text));
  if (column.opens) holder.hidden = text === "";
  if (cell.cellIndex && needsName(column, hover)) cell.dataset.name = column.name;
  else delete cell.dataset.name;
  const title = column.days && hover && !hover.startsWith(whole) ? `${whole}\n${hover}` : (hover ?? whole);
  if (cell.title !== title) cell.title = title;
}

function rowElement(row, columns) {
  const element = document.createElement("tr");
  element.append(...columns.map(cellElement));
  element.dataset.id = row.id;
  return element;
}

function fillCells(element, row, columns, begun) {
  columns.forEach((column, place) => {
    const text = inWords(row.cells[place], begun);
    fillCell(element.cells[place], column, text, row.tones[place], row.hovers[place], row.shares[place]);
  });
}

function fillRow(element, row, columns, colours, chosen, begun) {
  fillCells(element, row, columns, begun);
  const mark = colours[row.colour] ? `inset 3px 0 ${colours[row.colour]}` : "";
  element.style.boxShadow = element.cells[0].style.boxShadow = mark;
  element.style.setProperty("--mark", row.mark);
  element.classList.toggle("chosen", [chosen].flat().includes(row.id));
}

const PHONE = matchMedia("(max-width: 640px)");
const STACKED_COLUMNS = 4;
// The width of a phone's list, and the width that a sentence needs, the main cell of a row.
const PHONE_REM = 22;
const SENTENCE_REM = 10;
// The width that a cell besides the main one needs in a wider window, where its column has no width of its own: most parts of
// names, between the places where they break, are no wider.
const OTHER_REM = 7.5;
// The width of a sentence below which another column goes, and the width of a column of which only the mark stays.
const ROOM_REM = 22;
const MARK_WIDTH = "1.6rem";

// The width between the margins of a sheet of paper. A browser does not lay a page out for it before it prints.
const PAPER_PIXELS = 700;

// Says whether a row is stacked on a phone: it has many cells, or its main cell would be a few letters wide.
function isStackedOnPhone(columns) {
  const { fixed, shares } = widthsOf(columns);
  return columns.length >= STACKED_COLUMNS || (fixed > 0 && (PHONE_REM - fixed) * Math.max(...shares, 0) < SENTENCE_REM);
}

// Returns the width of the columns that have one, and the shares of the rest that the others have.
function widthsOf(columns) {
  const list = (unit) => columns.filter((column) => column.width.endsWith(unit)).map((column) => parseFloat(column.width));
  const sum = (numbers) => numbers.reduce((left, right) => left + right, 0);
  const shares = list("%");
  return { fixed: sum(list("rem")), shares: shares.map((share) => share / Math.max(sum(shares), 100)) };
}

// Returns the width below which a list, wherever it stands, has cells of a few letters; or sentences of a few words.
function leastRem(columns, sentence = SENTENCE_REM) {
  const { fixed, shares } = widthsOf(columns);
  const most = Math.max(...shares, 0);
  return fixed + Math.max(...shares.map((share) => (share === most ? sentence : OTHER_REM) / share), 0);
}

const pixelsOf = (rem) => rem * parseFloat(getComputedStyle(document.documentElement).fontSize);

function isStacked(frame, columns, most) {
  if (PHONE.matches) return isStackedOnPhone(frame.wanted.columns);
  return columns.length > 2 && frame.offsetWidth > 0 && Math.min(frame.offsetWidth, most) < pixelsOf(leastRem(columns));
}

// Returns the columns for which a list has room: the others go one by one, or leave their mark. All are printed.
function chooseColumns(frame, isPrinted) {
  const isOfOneSender = new Set(frame.shown.rows.map((row) => row.mark)).size < 2;
  let columns = frame.wanted.columns.filter((column) => !(column.marks && isOfOneSender));
  const room = columns.some((column) => column.says && column.width.endsWith("%")) ? ROOM_REM : SENTENCE_REM;
  const going = isPrinted ? [] : columns.filter((column) => column.rank).sort((left, right) => right.rank - left.rank);
  for (const goes of going) {
    if (!PHONE.matches && pixelsOf(leastRem(columns, room)) <= frame.offsetWidth) break;
    const left = goes.marks ? [{ ...goes, width: MARK_WIDTH }] : [];
    columns = columns.flatMap((column) => (column === goes ? left : [column]));
  }
  const rest = columns.filter((column) => column.width.endsWith("%"));
  const whole = rest.reduce((sum, column) => sum + parseFloat(column.width), 0);
  const isShared = columns.length < frame.wanted.columns.length;
  return columns.map((column) =>
    isShared && rest.includes(column) ? { ...column, width: `${(100 * parseFloat(column.width)) / whole}%` } : column,
  );
}

// Shows the columns for which there is room, and stacks the rows of a list where there is too little even for these.
function layOut(frame, most = Infinity) {
  const table = frame.querySelector("table");
  const columns = chooseColumns(frame, most < Infinity);
  const places = new Map(columns.map((column) => [column.name, column]));
  frame.wanted.columns.forEach(({ name }, place) => {
    const column = places.get(name);
    const state = column ? (column.width === MARK_WIDTH ? "mark" : "") : "gone";
    const line = table.querySelectorAll("col")[place];
    line.style.width = column?.width ?? "";
    for (const part of [line, ...[...table.rows].map((row) => row.cells[place])]) part.dataset.state = state;
  });
  table.classList.toggle("stacks", isStacked(frame, columns, most));
}

function layOutByWidth(frame) {
  if (frame.observer) return;
  frame.observer = new ResizeObserver(() => layOut(frame));
  frame.observer.observe(frame, { box: "border-box" });
}

function drawHead(table, columns) {
  const names = JSON.stringify(columns);
  if (table.dataset.columns === names) return false;
  table.dataset.columns = names;
  const head = table.tHead;
  head.replaceChildren();
  const line = head.insertRow();
  for (const column of columns) {
    const name = document.createElement("th");
    name.scope = "col";
    name.textContent = name.title = column.name;
    if (column.align) name.className = column.align;
    line.append(name);
  }
  table.querySelector("colgroup").replaceChildren(...columns.map(() => document.createElement("col")));
  return true;
}

function drawBody(body, data, fresh, begun) {
  const known = new Map(fresh ? [] : [...body.rows].map((element) => [element.dataset.id, element]));
  const elements = data.rows.map((row) => {
    const element = known.get(row.id) ?? rowElement(row, data.columns);
    fillRow(element, row, data.columns, data.colours, data.chosen, begun);
    return element;
  });
  const kept = new Set(elements);
  for (const element of [...body.rows]) if (!kept.has(element)) element.remove();
  elements.forEach((element, place) => {
    if (body.rows[place] !== element) body.insertBefore(element, body.rows[place] ?? null);
  });
}

const DATE = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

function tell(part, words) {
  if (words) part.dataset.day = words;
  else delete part.dataset.day;
}

// A date stands above the first row of each day, but not above the first rows of today; and below the head of a list that
// is scrolled.
function drawDays(frame, body) {
  const today = frame.shown.columns[0]?.days;
  if (!today) return;
  const rows = [...body.rows], head = frame.querySelector("th");
  const days = frame.shown.rows.map((row) => row.cells[0].slice(0, today.length));
  const words = (day) => (day === today ? "Today" : day && DATE.format(new Date(`${day}T12:00Z`)));
  rows.forEach((row, place) => {
    const isFirst = days[place] !== (place ? days[place - 1] : today);
    for (const part of [row, row.cells[0]]) tell(part, isFirst && words(days[place]));
  });
  const day = days[rows.findIndex((row) => row.offsetTop + row.offsetHeight > frame.scrollTop + head.offsetHeight)];
  tell(head, frame.scrollTop > 0 && day !== today && words(day));
}

// Cells with ages count by themselves from the moment of their data.
function count(frame, body, data) {
  const aged = data.rows.filter((row) => row.cells.some((cell) => cell?.age !== undefined));
  clearInterval(frame.timer);
  if (!aged.length) return;
  const rows = new Map(aged.map((row) => [row.id, row]));
  frame.timer = setInterval(() => {
    for (const element of body.rows) {
      const row = rows.get(element.dataset.id);
      if (row) fillCells(element, row, data.columns, frame.begun);
    }
  }, TICK_MS);
}

// The Tab key stops at one row at a time and at the names in it; arrows, or j and k, move from row to row.
function stopAt(body, row) {
  for (const element of body.rows) {
    element.tabIndex = element === row ? 0 : -1;
    for (const button of element.querySelectorAll("button")) button.tabIndex = element.tabIndex;
  }
}

function stop(body) {
  const rows = [...body.rows];
  return rows.find((row) => row.tabIndex === 0) ?? rows.find((row) => row.classList.contains("chosen")) ?? rows[0];
}

function goTo(body, row) {
  if (!row) return;
  stopAt(body, row);
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function rowFor(key, rows, row) {
  if (!row) return null;
  const place = rows.indexOf(row);
  if (key === "ArrowDown" || key === "j") return rows[Math.min(place + 1, rows.length - 1)];
  if (key === "ArrowUp" || key === "k") return rows[Math.max(place - 1, 0)];
  if (key === "Home") return rows[0];
  if (key === "End") return rows.at(-1);
  return null;
}

const ELSEWHERE = '[data-clc-filters], [data-testid="stPopoverBody"], [role="dialog"], [role="listbox"], input:focus, textarea:focus';

// Keys for the page's main list, wherever the focus is: j and k go into it, Escape closes the open item.
function hearEverywhere(body, go, close, signal) {
  const hear = (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (document.querySelector(ELSEWHERE) || event.target.isContentEditable) return;
    if (event.key === "Escape") close();
    else if ("jk".includes(event.key) && document.activeElement === document.body) go(rowFor(event.key, [...body.rows], body.querySelector("tr.chosen")) ?? stop(body));
  };
  document.addEventListener("keydown", hear, { signal });
}

const BACK_MS = 3_000;
let lastAct = null;
for (const act of ["pointerdown", "keydown"]) addEventListener(act, () => { lastAct = act; }, true);

// An item that is closed by the keyboard leaves the focus in its row, and not at the top of the page.
function comeBack(frame, body, chosen) {
  const closed = chosen === null ? frame.opened : null;
  frame.opened = chosen;
  if (!closed || lastAct !== "keydown") return;
  const begun = performance.now();
  const look = () => {
    const active = document.activeElement;
    if (active !== document.body && !active.closest(".st-key-detail")) return;
    goTo(body, [...body.rows].find((row) => row.dataset.id === closed));
    if (performance.now() - begun < BACK_MS) setTimeout(look, 100); // the item may cover the list until all is drawn
  };
  look();
}

// On a phone the page scrolls, not the list: its first row then is above the screen.
const isScrolled = (frame) => frame.scrollTop > 0 || (PHONE.matches && frame.getBoundingClientRect().top < 0);

// Rows that the user points at, has the focus in, or has scrolled to, keep their places: what is new waits.
function isInUse(frame, body) {
  return body.matches(":hover") || frame.contains(frame.getRootNode().activeElement) || isScrolled(frame);
}

// When an item opens beside the list, rows get other columns; those that have gone meanwhile have not.
function fits(data) {
  return (row) => row.cells.length === data.columns.length;
}

function inOrder(rows) {
  return JSON.stringify(rows.map((row) => row.id));
}

function mustWait(frame, body, data) {
  const shown = frame.shown;
  if (!data.steady || shown?.steady !== data.steady || inOrder(shown.rows) === inOrder(data.rows)) return false;
  return isInUse(frame, body);
}

function tellOfNew(frame, data, waits) {
  const shown = new Set(frame.shown.rows.map((row) => row.id));
  const fresh = data.rows.filter((row) => !shown.has(row.id)).length;
  frame.pill.hidden = !waits || fresh === 0;
  frame.pill.textContent = `${fresh}${fresh === data.rows.length ? " and more" : ""} new \u2191`;
}

function drawRows(frame, body, data) {
  const active = frame.getRootNode().activeElement;
  const focused = body.contains(active) && active.closest("tr").dataset.id;
  const waits = mustWait(frame, body, data);
  const newer = new Map(data.rows.map((row) => [row.id, row]));
  const rows = waits ? frame.shown.rows.map((row) => newer.get(row.id) ?? row).filter(fits(data)) : data.rows;
  // Other filters make another list, which begins at its top.
  if (frame.shown?.steady && data.steady && frame.shown.steady !== data.steady) Object.assign(frame, { scrollTop: 0, isShown: false });
  const fresh = drawHead(frame.querySelector("table"), data.columns);
  if (frame.turn !== data.turn) Object.assign(frame, { turn: data.turn, begun: clocks() });
  frame.shown = { ...data, rows };
  drawBody(body, frame.shown, fresh, frame.begun);
  drawDays(frame, body);
  layOut(frame);
  count(frame, body, frame.shown);
  shorten(frame, body, data);
  tellOfNew(frame, data, waits);
  showChosen(frame, body);
  if (isOpening(data)) stopAt(body, stop(body));
  if (focused && !body.contains(frame.getRootNode().activeElement)) {
    goTo(body, [...body.rows].find((row) => row.dataset.id === focused));
  }
}

// A page that is opened with a chosen row, such as the step of an alarm, shows it; later the viewer decides.
function showChosen(frame, body) {
  if (frame.isShown) return;
  frame.isShown = true;
  const row = body.querySelector("tr.chosen");
  if (row && row.offsetTop + row.offsetHeight > frame.clientHeight) frame.scrollTop = row.offsetTop - frame.clientHeight / 2;
}

// On a phone, where no list scrolls by itself, a short one leaves the page's other lists near the top.
function shorten(frame, body, data) {
  const isFolded = (row, place) => data.short && !frame.isWhole && place >= data.short && !row.matches(".chosen");
  const folded = [...body.rows].filter(isFolded);
  for (const row of body.rows) row.classList.toggle("folded", folded.includes(row));
  frame.rest.hidden = !folded.length;
  frame.getRootNode().host?.toggleAttribute("data-folded", folded.length > 0);
  frame.rest.textContent = `Show ${folded.length} more`;
  frame.rest.onclick = () => {
    frame.isWhole = true;
    shorten(frame, body, data);
    goTo(body, folded[0]);
  };
}

function isOpening(data) {
  return data.columns.some((column) => column.opens);
}

function hearScrolling(frame, draw, signal) {
  const hear = () => !frame.pill.hidden && !isScrolled(frame) && draw();
  document.addEventListener("scroll", hear, { capture: true, passive: true, signal });
}

// New rows come as soon as the user has left the list, or asks for them.
function drawWhenLeft(frame, body, signal) {
  const draw = () => drawRows(frame, body, frame.wanted);
  hearScrolling(frame, draw, signal);
  if (frame.isWatched) return;
  frame.isWatched = true;
  body.addEventListener("pointerleave", draw);
  frame.addEventListener("focusout", () => setTimeout(draw)); // only then the focus is elsewhere
  frame.addEventListener("scroll", () => (frame.scrollTop === 0 ? draw() : drawDays(frame, body)));
  frame.pill.addEventListener("click", () => {
    frame.shown.steady = null;
    frame.scrollTop = 0;
    if (isScrolled(frame)) frame.scrollIntoView();
    draw();
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const frame = parentElement.querySelector(".frame");
  const table = frame.querySelector("table");
  const body = table.tBodies[0];
  frame.pill = parentElement.querySelector(".news");
  frame.rest = parentElement.querySelector(".rest");
  frame.wanted = data;
  frame.style.maxHeight = data.height ? `${data.height}px` : "";
  frame.classList.toggle("wrap", data.wrap);
  const opens = isOpening(data);
  table.classList.toggle("opens", opens);
  table.classList.toggle("main", data.main);
  table.classList.toggle("days", Boolean(data.columns[0]?.days));
  table.classList.toggle("told", data.columns.some((column) => column.says));
  table.setAttribute("aria-label", data.alt);
  table.tHead.hidden = data.headless;
  frame.tabIndex = opens || !data.height ? -1 : 0; // where the Tab key stops at no row, the keyboard scrolls the table itself
  drawRows(frame, body, data);
  layOutByWidth(frame);
  // The document would keep all of a list that is gone, if that still heard it. Streamlit tells only the last drawing.
  frame.hears?.abort();
  const hears = (frame.hears = new AbortController());
  drawWhenLeft(frame, body, hears.signal);
  addEventListener("beforeprint", () => layOut(frame, PAPER_PIXELS), { signal: hears.signal });
  addEventListener("afterprint", () => layOut(frame), { signal: hears.signal });
  // While an item is open, its neighbours are a key away.
  let isOpen = data.main && data.chosen !== null;
  const go = (row) => {
    goTo(body, row);
    if (isOpen && row) setTriggerValue("open", { id: row.dataset.id, column: "" });
  };
  const close = () => {
    if (data.chosen !== null) setTriggerValue("close", true);
    isOpen = false;
  };
  table.onclick = (event) => {
    const cell = event.target.closest("td");
    if (!cell || !opens) return;
    // The user is copying text, unless this is a click on a name: that leaves text elsewhere selected.
    if (!event.target.closest("button") && String(parentElement.getSelection?.() ?? getSelection())) return;
    stopAt(body, cell.parentElement);
    const column = data.main && PHONE.matches ? "" : data.columns[cell.cellIndex].name;
    setTriggerValue("open", { id: cell.parentElement.dataset.id, column });
  };
  table.onkeydown = (event) => {
    const row = event.target.closest("tbody tr");
    if (!row || !opens || event.altKey || event.ctrlKey || event.metaKey) return;
    const other = rowFor(event.key, [...body.rows], row);
    if (other) {
      event.preventDefault();
      go(other);
    } else if (event.key === "Enter" && event.target === row) {
      setTriggerValue("open", { id: row.dataset.id, column: "" });
    }
  };
  if (data.main) comeBack(frame, body, data.chosen);
  if (data.main) hearEverywhere(body, go, close, hears.signal);
  return () => {
    clearInterval(frame.timer);
    hears.abort();
  };
}

// Keeps queries in this browser (localStorage): those that ran, newest first, and those with a name. Their texts alone, and
// nothing of them is sent anywhere. It stands before the scripts of the editor and of the lists.

const PAST = "clc-sql-past";
const NAMED = "clc-sql-named";
const CHANGED = "clc-sql-queries";
const PUT = "clc-sql-put";
const MOST = 100;
const CHARACTERS = { [PAST]: 250_000, [NAMED]: 1_000_000 };
const LONGEST_PAST = 50_000; // a longer query would push out too many others
const FULL = "This browser keeps no more queries: delete some under Queries.";

function readQueries(list) {
  try {
    const queries = JSON.parse(localStorage.getItem(list));
    return Array.isArray(queries) ? queries.filter((query) => typeof query?.sql === "string") : [];
  } catch {
    return []; // the browser keeps nothing, or somebody else wrote here
  }
}

// Says whether the browser has kept them; it may be told to keep nothing.
function writeQueries(list, queries) {
  try {
    localStorage.setItem(list, JSON.stringify(queries));
  } catch {
    return false;
  }
  dispatchEvent(new Event(CHANGED));
  return true;
}

function fit(list, queries) {
  let room = CHARACTERS[list];
  return queries.slice(0, MOST).filter((query) => (room -= JSON.stringify(query).length) >= 0);
}

// Adds queries that begin or are over, each once; the same text takes the place of an older one.
function notePast(queries) {
  const noted = (globalThis.clcNotedQueries ??= new Set());
  const fresh = queries.filter((query) => !noted.has(query.id) && query.sql.length <= LONGEST_PAST);
  for (const query of queries) noted.add(query.id);
  if (!fresh.length) return;
  const again = new Set(fresh.map((query) => query.sql));
  const older = readQueries(PAST).filter((query) => !again.has(query.sql));
  writeQueries(PAST, fit(PAST, [...fresh.map(({ sql, at, facts }) => ({ sql, at, facts })), ...older]));
}

function findName(sql) {
  return readQueries(NAMED).find((query) => query.sql === sql)?.name;
}

// Keeps a query under a name, in place of what had the name or was this query; returns what happened, in words. A chart is
// the values of the page's address that name it.
function keepNamed(name, sql, chart) {
  const before = readQueries(NAMED);
  const old = findName(sql);
  const queries = [...before.filter((query) => query.name !== name && query.sql !== sql), { name, sql, chart }];
  queries.sort((one, other) => one.name.localeCompare(other.name));
  if (fit(NAMED, queries).length < queries.length || !writeQueries(NAMED, queries)) return FULL;
  if (old && old !== name) return `“${old}” is now “${name}”.`;
  return before.some((query) => query.name === name) ? `“${name}” now has this query.` : `Kept under Queries as “${name}”.`;
}

const CHART = ["show", "chart", "x", "y", "colour"];

function readChart() {
  const values = new URLSearchParams(location.search);
  return Object.fromEntries(CHART.filter((name) => values.has(name)).map((name) => [name, values.get(name)]));
}

function putIntoEditor(query) {
  dispatchEvent(new CustomEvent(PUT, { detail: query }));
}

// Calls a function when this tab or another one changes the queries, until an element has gone.
function hearChanges(element, draw) {
  const hears = new AbortController();
  const hear = () => (element.isConnected ? draw() : hears.abort());
  for (const name of [CHANGED, "storage"]) addEventListener(name, hear, { signal: hears.signal });
}

// Lists the queries that this browser keeps: those that ran, or those with a name, which can be deleted. A click puts one
// into the editor; a hover shows all of it.

const LONGEST_LINE = 200;
const LONGEST_HOVER = 2_000;

function makeElement(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function makeButton(className, text, onClick) {
  const button = makeElement("button", className, text);
  button.type = "button";
  button.onclick = onClick;
  return button;
}

// Spells characters that can't be seen, as the rest of the page does.
function makeVisible(text) {
  const spell = (character) => `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}`;
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (one) => ("\n\t\u200c\u200d".includes(one) ? one : spell(one)));
}

function describeTime(at) {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString();
  const isToday = new Date(at).toDateString() === new Date().toDateString();
  return isToday ? local.slice(11, 19) : local.slice(0, 16).replace("T", " ");
}

function makeRow(query, remove) {
  const row = document.createElement("li");
  const line = makeVisible(query.sql.slice(0, LONGEST_LINE).replace(/\s+/g, " ").trim());
  const open = makeButton("open", "", () => putIntoEditor(query));
  open.title = makeVisible(query.sql.slice(0, LONGEST_HOVER));
  if (query.name) open.append(makeElement("span", "name", makeVisible(query.name)));
  open.append(makeElement("span", "sql", line));
  if (query.at) open.append(makeElement("span", "facts", [describeTime(query.at), query.facts].filter(Boolean).join(" · ")));
  row.append(open);
  if (remove) {
    const button = makeButton("remove", "×", remove);
    button.title = `Delete ${query.name}`;
    button.setAttribute("aria-label", button.title);
    row.append(button);
  }
  return row;
}

class QueryList {
  constructor(element, { list, alt, none }) {
    Object.assign(this, { element, list, none, gone: null });
    element.querySelector("ul").setAttribute("aria-label", alt);
    element.classList.toggle("few", list === NAMED);
    hearChanges(element, () => this.drawAnew());
    this.draw();
  }

  // What was taken away can be brought back until the list changes otherwise.
  drawAnew() {
    this.gone = null;
    this.draw();
  }

  draw() {
    const queries = readQueries(this.list);
    const find = (name) => this.element.querySelector(name);
    const remove = (query) => () => this.take(queries, queries.filter((other) => other !== query), `Deleted “${query.name}”.`);
    find("ul").replaceChildren(...queries.map((query) => makeRow(query, this.list === NAMED && remove(query))));
    find("ul").hidden = !queries.length;
    find(".none").hidden = queries.length > 0;
    find(".none").textContent = this.none;
    find(".clear").hidden = this.list === NAMED || !queries.length;
    find(".clear").onclick = () => this.take(queries, [], "Cleared.");
    find(".gone").hidden = !this.gone;
    find(".gone span").textContent = this.gone?.text ?? "";
    find(".gone button").onclick = () => writeQueries(this.list, this.gone.before);
  }

  take(before, after, text) {
    writeQueries(this.list, after);
    this.gone = { before, text };
    this.draw();
  }
}

const lists = new WeakMap();

export default function ({ data, parentElement }) {
  const element = parentElement.querySelector(".queries");
  if (!lists.has(element)) lists.set(element, new QueryList(element, data));
}

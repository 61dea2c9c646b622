// The SQL page's editor with its buttons. CodeMirror comes once, by an element of its own (codemirror/codemirror.js).
// The typed text stays with the tab (sessionStorage) until the server sends another text, with another `turn`. Queries that
// ran, and those that get a name, stay with the browser (sql_kept.js).

const DRAFT = "clc-sql-draft";
const BEFORE = "The rows are of the query before.";
const editors = new WeakMap();

function waitForEditor() {
  if (globalThis.clcSqlEditor) return Promise.resolve(globalThis.clcSqlEditor);
  return new Promise((resolve) =>
    addEventListener("clc-sql-editor", () => resolve(globalThis.clcSqlEditor), { once: true }),
  );
}

function readDraft() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT)) ?? {};
  } catch {
    return {};
  }
}

function keepDraft(turn, text, ran) {
  try {
    sessionStorage.setItem(DRAFT, JSON.stringify({ turn, text, ran }));
  } catch {
    // Without storage only the typed text is lost on leaving.
  }
}

class Editor {
  constructor(element, data) {
    this.element = element;
    this.turn = data.turn;
    this.inserted = data.insert.turn;
    this.find = (name) => element.querySelector(name);
    const draft = readDraft();
    // After a reload the address has the query that ran last, and the draft what was typed since.
    const isDraft = draft.turn === data.turn || (draft.ran !== undefined && draft.ran === data.text);
    const text = isDraft ? draft.text : data.text;
    this.ran = isDraft ? draft.ran : undefined;
    const plain = document.createElement("pre"); // shows the text until the editor has loaded
    plain.textContent = text;
    this.find(".code").replaceChildren(plain);
    waitForEditor().then(({ create }) => {
      plain.remove();
      this.view = create({
        parent: this.find(".code"),
        root: element.getRootNode(),
        text,
        label: "SQL",
        onRun: () => this.run(),
        onChange: (now) => {
          keepDraft(this.turn, now, this.ran);
          this.compare(now);
        },
      });
      this.update(this.data);
    });
    this.find(".run").onclick = () => this.run();
    this.find(".cancel").onclick = () => this.tell("cancel", String(performance.now()));
    this.find(".name").onclick = () => this.askForName(this.find(".naming").hidden);
    this.find(".naming").onsubmit = (event) => this.keep(event);
    // A handler that returns false would swallow the key.
    this.find(".naming").onkeydown = (event) => {
      if (event.key === "Escape") this.askForName(false);
    };
    const hears = new AbortController();
    const put = ({ detail }) => (element.isConnected ? this.put(detail) : hears.abort());
    addEventListener(PUT, put, { signal: hears.signal });
    this.find(".keys").textContent = /Mac|iPhone|iPad/.test(navigator.platform)
      ? "⌘ Enter runs, ⌘ / comments, Esc then Tab leaves"
      : "Ctrl+Enter runs, Ctrl+/ comments, Esc then Tab leaves";
  }

  run() {
    if (!this.view) return;
    this.ran = this.view.text();
    this.compare(this.ran);
    keepDraft(this.turn, this.ran, this.ran);
    // A reload ends the query, but not the memory of it.
    notePast([{ id: `begun ${performance.now()}`, sql: this.ran, at: Date.now(), facts: "" }]);
    const chart = this.kept?.sql === this.ran ? this.kept.chart : undefined;
    this.kept = undefined; // from now on the page's address has its chart
    this.tell("run", { sql: this.ran, chart, turn: String(performance.now()) });
  }

  // The rows below are those of the query that ran, whatever the editor has now.
  compare(now) {
    this.isOther = this.ran !== undefined && now !== this.ran;
    document.querySelector(".st-key-sql-results")?.toggleAttribute("data-before", this.isOther);
    if (!this.ticking) this.find(".clock").textContent = this.isOther ? BEFORE : "";
  }

  // A link's text is not in the editor any more.
  leaveLink() {
    document.querySelector(".st-key-sql-results")?.toggleAttribute("data-left-link", true);
  }

  put({ sql, name, chart }) {
    if (!this.view) return;
    this.named = name;
    this.kept = { sql, chart };
    this.leaveLink();
    this.view.setText(sql);
    this.view.focus();
    this.element.scrollIntoView({ block: "nearest" });
  }

  askForName(isAsking) {
    const [form, field] = [this.find(".naming"), this.find(".naming input")];
    form.hidden = !isAsking;
    this.find(".name").setAttribute("aria-expanded", String(isAsking));
    this.say("");
    if (!isAsking || !this.view) return;
    field.value = findName(this.view.text()) ?? this.named ?? "";
    field.select();
    field.focus();
  }

  keep(event) {
    event.preventDefault();
    const name = this.find(".naming input").value.trim();
    const sql = this.view?.text() ?? "";
    if (!name || !sql.trim()) return this.say(name ? "There is no query to keep." : "Type a name first.");
    this.askForName(false);
    this.named = name;
    const chart = sql === this.ran ? readChart() : this.kept?.sql === sql ? this.kept.chart : undefined;
    this.say(keepNamed(name, sql, chart));
  }

  say(text) {
    this.find(".said").textContent = text;
    this.find(".said").hidden = !text;
  }

  update(data) {
    this.data = data;
    notePast(data.past);
    this.find(".run").disabled = data.running;
    this.find(".cancel").disabled = !data.running;
    this.count(data);
    if (!this.view) return;
    if (data.turn !== this.turn) {
      this.turn = data.turn;
      this.named = this.kept = undefined;
      this.leaveLink();
      this.ran = data.text; // before the text is set: its listener compares them
      this.view.setText(data.text);
      this.compare(data.text); // the text may be the same as before
      keepDraft(data.turn, data.text, data.text);
      if (data.focus) this.view.focus();
    }
    if (data.insert.turn !== this.inserted) {
      this.inserted = data.insert.turn;
      this.view.insert(data.insert.text);
      this.view.focus();
    }
    const marked = JSON.stringify(data.error);
    if (marked !== this.marked) {
      this.marked = marked;
      this.view.mark(data.error);
    }
  }

  // The seconds count here, so that they run evenly however long a refresh takes.
  count({ running, elapsed, run }) {
    const clock = this.find(".clock");
    if (!running) {
      clearInterval(this.ticking);
      this.ticking = null;
      clock.textContent = this.isOther ? BEFORE : "";
    } else if (!this.ticking || this.counted !== run) {
      clearInterval(this.ticking);
      this.counted = run;
      const since = performance.now() - elapsed * 1000;
      const tick = () => {
        if (!this.element.isConnected) this.end();
        clock.textContent = `Running, ${((performance.now() - since) / 1000).toFixed(1)} s`;
      };
      tick();
      this.ticking = setInterval(tick, 100);
    }
  }

  end() {
    clearInterval(this.ticking);
    this.ticking = null;
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const element = parentElement.querySelector(".editor");
  let editor = editors.get(element);
  if (!editor) {
    editor = new Editor(element, data);
    editors.set(element, editor);
  }
  editor.tell = setTriggerValue;
  editor.update(data);
}

// The SQL page's editor, of CodeMirror's parts. It is bundled by build.mjs and hands itself over as `clcSqlEditor`, so that
// the component that draws it (sql_editor.js) can change without sending all this anew.

import {
  acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap,
  selectedCompletion,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { SQLDialect, keywordCompletionSource, schemaCompletionSource, sql } from "@codemirror/lang-sql";
import { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import {
  EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers,
  placeholder,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

const KEYWORDS =
  "all and anti any array as asc asof at between by case cast collate cross cube current_date current_timestamp " +
  "cte desc describe distinct else end escape except exclude exists explain extract false filter first following for " +
  "from full glob group grouping having ignore ilike in inner intersect interval into is isnull join lambda last " +
  "lateral left like limit materialized natural not notnull null nulls offset on or order outer over partition pivot " +
  "positional preceding qualify range recursive replace respect right rollup row rows sample select semi sets similar " +
  "some summarize table tablesample then ties to true try_cast unbounded union unpivot using values when where window " +
  "with within analyze";

const TYPES =
  "bigint bit blob boolean char date decimal double enum float hugeint int integer interval json list map numeric real " +
  "smallint struct text time timestamp timestamptz tinyint ubigint uhugeint uinteger usmallint utinyint uuid varchar";

const duckdb = SQLDialect.define({
  keywords: KEYWORDS,
  types: TYPES,
  charSetCasts: false,
  doubleDollarQuotedStrings: true,
  operatorChars: "+-*/<>=~!@#%^&|`?:",
  specialVar: "$",
});

// The theme's own variables, so that light and dark need no second set of colours.
const looks = EditorView.theme({
  "&": { fontSize: "0.9rem", color: "var(--st-text-color)", backgroundColor: "var(--st-background-color)", height: "100%" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--st-code-font)", lineHeight: "1.5", scrollbarWidth: "thin" },
  ".cm-content": { caretColor: "var(--st-text-color)", padding: "0.5rem 0" },
  ".cm-cursor": { borderLeftColor: "var(--st-text-color)" },
  ".cm-gutters": {
    backgroundColor: "var(--st-secondary-background-color)", border: "none",
    color: "color-mix(in srgb, var(--st-text-color) 68%, transparent)",
  },
  ".cm-activeLine, .cm-activeLineGutter": {
    backgroundColor: "color-mix(in srgb, var(--st-primary-color) 7%, transparent)",
  },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "color-mix(in srgb, var(--st-primary-color) 28%, transparent)",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--st-background-color)", border: "1px solid var(--st-border-color)", borderRadius: "6px",
    color: "var(--st-text-color)", fontSize: "0.9rem", boxShadow: "0 4px 16px rgb(0 0 0 / 0.18)", zIndex: 1000,
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--st-code-font)", maxHeight: "16rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.15rem 0.5rem" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    background: "var(--st-primary-color)", color: "var(--st-background-color)",
  },
  ".cm-completionDetail": { fontStyle: "normal", marginLeft: "0.75rem", opacity: 0.72 },
  ".cm-completionInfo": { maxWidth: "24rem", padding: "0.4rem 0.6rem", fontFamily: "var(--st-font)", whiteSpace: "pre-wrap" },
  ".cm-placeholder": { color: "color-mix(in srgb, var(--st-text-color) 60%, transparent)" },
  ".cm-diagnostic": { padding: "0.35rem 0.6rem", fontFamily: "var(--st-font)", maxWidth: "36rem", whiteSpace: "pre-wrap" },
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--st-blue-text-color)", fontWeight: "600" },
  { tag: [tags.typeName, tags.standard(tags.name)], color: "var(--st-violet-text-color)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--st-green-text-color)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--st-orange-text-color)" },
  { tag: [tags.lineComment, tags.blockComment], color: "var(--st-gray-text-color)", fontStyle: "italic" },
  { tag: tags.special(tags.name), color: "var(--st-red-text-color)" },
]);

const isAfterPoint = (before) => before.endsWith(".");
const isAfterFrom = (before) => /\b(from|join)\s+$/i.test(before);
const isAfterAs = (before) => /\bas\s+$/i.test(before);
const isAfterTable = (before) => /\b(from|join)\s+(?:\w+\.)?\w+\s+$/i.test(before);
const isAfterNumberOfInterval = (before) => /\binterval\s+[\d.]+\s+$/i.test(before);
const isInCast = (before) => /\bcast\s*\((?:[^()]|\([^()]*\))*$/i.test(before);
const NOT_NAMES = new Set([...KEYWORDS.split(" "), ...TYPES.split(" ")]);

// Reads the names that a text gives itself: its CTEs, and the aliases of columns and tables. A name that is being typed at
// the cursor is none of them.
function readOwnNames(text, from, to) {
  const code = `${text.slice(0, from)}${" ".repeat(to - from)}${text.slice(to)}`.replace(/--.*|\/\*[^]*?\*\/|'(?:[^']|'')*'/g, " ");
  const find = (pattern) => [...code.matchAll(pattern)].map((found) => found[1]).filter((name) => !NOT_NAMES.has(name.toLowerCase()));
  const name = (detail) => (label) => ({ label, type: "variable", detail });
  const queries = find(/(?:\bwith\s+(?:recursive\s+)?|,\s*)(\w+)\s*(?:\([^()]*\)\s*)?as\s+(?:(?:not\s+)?materialized\s+)?\(/gi);
  return { queries: queries.map(name("WITH")), aliases: find(/\bas\s+(\w+)/gi).map(name("alias")) };
}

// The columns of all tables that the text names anywhere, because the table of an expression is often typed later; while
// it names none, the columns of every table.
function columnsOf(tables, text) {
  const words = new Set(text.toLowerCase().match(/\w+/g) ?? []);
  const named = tables.filter((table) => words.has(table.name));
  return (named.length ? named : tables).flatMap((table) => table.columns);
}

// Returns the start of the typed letters in a name: its begin, or the begin of a word in it; -1 where they begin neither.
function findLetters(label, letters) {
  const name = label.toLowerCase();
  if (name.startsWith(letters)) return 0;
  const inside = name.indexOf(`_${letters}`);
  return inside < 0 ? -1 : inside + 1;
}

// Returns the options that the typed letters choose, in order of the groups. In a group come whole names first, then those
// that begin so, then those with a word that does.
function choose(groups, letters) {
  const seen = new Set();
  return groups.flatMap((group) =>
    group
      .map((option) => ({ option, place: findLetters(option.label, letters), isWhole: option.label.toLowerCase() === letters }))
      .filter(({ option, place }) => place >= 0 && !seen.has(option.label) && seen.add(option.label))
      .sort((left, right) => right.isWhole - left.isWhole || Math.min(left.place, 1) - Math.min(right.place, 1))
      .map(({ option }) => option),
  );
}

function completionSource({ tables, functions }) {
  const schema = Object.fromEntries(
    tables.map((table) => [
      table.name,
      { self: { label: table.name, type: "class", detail: table.kind, info: table.info }, children: table.columns },
    ]),
  );
  const completeSchema = schemaCompletionSource({ dialect: duckdb, schema });
  const completeKeywords = keywordCompletionSource(duckdb, true);
  const calls = functions.map((one) => ({ ...one, type: "function", apply: `${one.label}(` }));
  const groupsAt = (context, from, letters, before) => {
    const keywords = completeKeywords(context)?.options ?? [];
    if (isAfterAs(before)) return isInCast(before) ? [keywords.filter((option) => option.type === "type")] : [];
    if (isAfterNumberOfInterval(before)) return [];
    // Mostly an alias follows, of which Enter must not make a keyword.
    if (isAfterTable(before)) return letters.length < 3 && !context.explicit ? [] : [keywords];
    const text = context.state.doc.toString();
    const { queries, aliases } = readOwnNames(text, from, context.pos);
    const names = completeSchema(context)?.options ?? [];
    if (isAfterFrom(before)) return [queries, names, keywords];
    return [[...aliases, ...queries], columnsOf(tables, text), names, letters.length < 2 ? keywords : [...keywords, ...calls]];
  };
  return (context) => {
    const word = context.matchBefore(/\w+/);
    if (!word && !context.explicit && context.state.sliceDoc(context.pos - 1, context.pos) !== ".") return null;
    const from = word?.from ?? context.pos;
    const before = context.state.sliceDoc(Math.max(0, from - 400), from);
    const letters = (word?.text ?? "").toLowerCase();
    const isPart = isAfterPoint(before);
    // What is in quotes is known to the schema alone; in a string is nothing.
    if (before.endsWith('"') || (!isPart && !completeKeywords(context))) return completeSchema(context);
    const groups = isPart ? [completeSchema(context)?.options ?? []] : groupsAt(context, from, letters, before);
    const options = choose(groups, letters);
    const getMatch = ({ label }) => {
      const place = findLetters(label, letters);
      return [place, place + letters.length];
    };
    return options.length ? { from, options, filter: false, getMatch } : null;
  };
}

function language(words) {
  const source = completionSource(words);
  return [sql({ dialect: duckdb }).language, autocompletion({ override: [source], icons: false, maxRenderedOptions: 80 })];
}

// Enter after a name that is already whole begins a new line, as if there were no list.
function leaveWholeWord(view) {
  const { state } = view;
  const label = selectedCompletion(state)?.label.toLowerCase();
  const end = state.selection.main.head;
  if (label && state.sliceDoc(Math.max(0, end - label.length), end).toLowerCase() === label) closeCompletion(view);
  return false;
}

const editors = new Set();
let schema = { id: "", tables: [], functions: [] };

function learn(wanted) {
  if (!wanted || wanted.id === schema.id) return;
  schema = wanted;
  for (const editor of editors) editor.learn();
}

function create({ parent, root, text, label, onRun, onChange }) {
  const speaks = new Compartment();
  const view = new EditorView({
    parent,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        lintGutter(),
        highlightActiveLineGutter(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        syntaxHighlighting(colours),
        looks,
        EditorView.lineWrapping,
        EditorState.tabSize.of(4),
        placeholder("SELECT …"),
        Prec.highest(keymap.of([{ key: "Enter", run: leaveWholeWord }])),
        speaks.of(language(schema)),
        keymap.of([
          { key: "Mod-Enter", run: (target) => (closeCompletion(target), onRun(), true) },
          { key: "Tab", run: acceptCompletion },
          ...closeBracketsKeymap,
          ...completionKeymap,
          ...defaultKeymap,
          ...historyKeymap,
          indentWithTab,
        ]),
        EditorView.contentAttributes.of({ "aria-label": label, "aria-multiline": "true" }),
        EditorView.updateListener.of((update) => update.docChanged && onChange(update.state.doc.toString())),
      ],
    }),
  });
  const show = (from, to, insert, anchor = from + insert.length) =>
    view.dispatch({ changes: { from, to, insert }, selection: { anchor }, scrollIntoView: true });
  const editor = {
    text: () => view.state.doc.toString(),
    setText: (wanted) => wanted === view.state.doc.toString() || show(0, view.state.doc.length, wanted, 0),
    insert: (words) => show(view.state.selection.main.from, view.state.selection.main.to, words),
    learn() {
      if (view.dom.isConnected) view.dispatch({ effects: speaks.reconfigure(language(schema)) });
      else editors.delete(editor);
    },
    focus: () => view.focus(),
    mark(place) {
      const end = view.state.doc.length;
      const found = place && place.from <= end
        ? [{ from: place.from, to: Math.min(Math.max(place.to, place.from + 1), end), severity: "error", message: place.message }]
        : [];
      view.dispatch(setDiagnostics(view.state, found));
      if (found.length) view.dispatch({ selection: { anchor: found[0].from }, scrollIntoView: true });
    },
  };
  editors.add(editor);
  return editor;
}

globalThis.clcSqlEditor = { create };
dispatchEvent(new Event("clc-sql-editor"));

// Streamlit calls this for each drawing of the element that brings the bundle, with what is to be completed.
export default function ({ data }) {
  learn(data?.schema);
}

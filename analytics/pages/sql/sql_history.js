// Lists past queries: SQL in one line, cut at its end, and how it went below. A hover shows all of the SQL.

function rowOf(query, open) {
  const row = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.title = query.sql;
  button.onclick = () => open(query.id);
  const sql = document.createElement("span");
  sql.className = "sql";
  sql.textContent = query.line;
  const facts = document.createElement("span");
  facts.className = "facts";
  facts.textContent = query.facts;
  button.append(sql, facts);
  row.append(button);
  return row;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".history");
  const turn = JSON.stringify(data.queries);
  if (list.turn === turn) return; // so that neither scroll nor focus moves
  list.turn = turn;
  const open = (id) => setTriggerValue("open", { id, turn: String(performance.now()) });
  list.replaceChildren(...data.queries.map((query) => rowOf(query, open)));
}

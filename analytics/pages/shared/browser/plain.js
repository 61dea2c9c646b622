// Shows a text unchanged, with a button that copies it. The text becomes a text node, never markup.

const RESULT_SECONDS = 2;
const SHOWN_LETTERS = 16;

async function copy(text, code) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without https a browser copies only what is selected.
  getSelection().selectAllChildren(code);
  if (!document.execCommand("copy")) throw new Error("the browser copies nothing");
}

// Of a short text, the rest has no width, but is copied.
function splitText({ text, short }) {
  if (!short) return [text];
  const rest = Object.assign(document.createElement("span"), { className: "rest", textContent: text.slice(SHOWN_LETTERS) });
  return [text.slice(0, SHOWN_LETTERS), rest];
}

export default function ({ data, parentElement }) {
  const frame = parentElement.querySelector(".plain");
  const code = frame.querySelector("code");
  const button = frame.querySelector("button");
  const scrolled = frame.querySelector("pre");
  if (code.textContent !== data.text) code.replaceChildren(...splitText(data));
  frame.classList.toggle("tall", Boolean(data.height));
  scrolled.classList.toggle("wrap", data.wrap);
  scrolled.setAttribute("aria-label", data.alt);
  button.title = `Copy: ${data.alt}`;
  scrolled.style.maxHeight = data.height ? `${data.height}px` : "";
  button.onclick = async () => {
    const result = await copy(data.text, code).then(() => "Copied", () => "Not copied");
    button.textContent = result;
    setTimeout(() => { button.textContent = "Copy"; }, RESULT_SECONDS * 1000);
  };
}

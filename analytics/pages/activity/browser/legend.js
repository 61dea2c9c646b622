// Draws the legend of a chart: a button for each series. A click on one opens a menu with "Only" and "Without" it; a click on
// a way to other series goes there at once. Text from outside becomes text nodes and titles, never markup.

const MARGIN = 8;

function entryElement([id, text, colour, leads]) {
  const button = document.createElement("button");
  const name = document.createElement("span");
  name.textContent = button.title = text;
  button.type = "button";
  button.dataset.id = id;
  button.classList.toggle("way", leads);
  if (!leads) button.setAttribute("aria-haspopup", "menu");
  if (colour) button.append(document.createElement("i"));
  if (colour) button.firstChild.style.background = colour;
  button.append(name);
  return button;
}

function open(menu, button, choose) {
  const ways = ["Only", "Without"].map((way) => {
    const item = document.createElement("button");
    item.type = "button";
    item.role = "menuitem";
    item.textContent = `${way} ${button.title}`;
    item.onclick = () => {
      menu.hidePopover();
      choose(way);
    };
    return item;
  });
  menu.replaceChildren(...ways);
  menu.showPopover();
  const box = button.getBoundingClientRect();
  menu.style.top = `${box.bottom + 2}px`;
  menu.style.left = `${Math.max(MARGIN, Math.min(box.left, innerWidth - menu.offsetWidth - MARGIN))}px`;
  ways[0].focus();
}

export default function ({ data, parentElement, setTriggerValue }) {
  const legend = parentElement.querySelector(".legend");
  const menu = parentElement.querySelector(".menu");
  // A refresh leaves the focus and an open menu where they are.
  const drawn = JSON.stringify(data.entries);
  if (legend.dataset.drawn !== drawn) legend.replaceChildren(...data.entries.map(entryElement));
  legend.dataset.drawn = drawn;
  legend.onclick = (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const choose = (way) => setTriggerValue("choose", { id: button.dataset.id, way });
    if (button.classList.contains("way")) choose("");
    else open(menu, button, choose);
  };
}

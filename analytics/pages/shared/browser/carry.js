// Tells the links of the top bar (`links.js`) which name and value each page's address gets, for the chosen time range.

export default function ({ data }) {
  window.clcCarried = data.carried;
}

// Tells the links of the top bar (`links.js`) what they add to a page's address: `carried` has a name and a value for each
// page, for the chosen time range; `kept` has all values of a page that stays as it was left.

export default function ({ data }) {
  if (data.carried) window.clcCarried = data.carried;
  Object.assign((window.clcKept ??= {}), data.kept);
}

// Keeps the marks of findings as seen in a cookie of this browser, beside those that other pages of it have set meanwhile.

export default function ({ data }) {
  if (!data.value) return;
  const name = `${data.cookie}=`;
  const kept = document.cookie.split("; ").find((cookie) => cookie.startsWith(name))?.slice(name.length) ?? "";
  const own = data.value.split("|");
  const marks = [...kept.split("|").filter((mark) => mark && !own.includes(mark)), ...own];
  while (marks.length > 1 && marks.join("|").length > data.most) marks.shift();
  document.cookie = `${name}${marks.join("|")}; path=/; max-age=34560000; samesite=strict`;
}

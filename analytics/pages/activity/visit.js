// Keeps a cookie of when the visit before this one ended and when this one was seen last, in seconds since 1970. A visit
// is over when it was not seen for so many seconds. Only this browser is asked, and a tab that is not looked at is none.

let timer = null;

function note({ cookie, seconds }) {
  if (document.hidden) return;
  const found = document.cookie.match(new RegExp(`(?:^|; )${cookie}=(\\d*)\\.(\\d+)`));
  const now = Math.floor(Date.now() / 1000);
  const [before, seen] = found ? [found[1], Number(found[2])] : ["", now];
  const value = `${now - seen > seconds ? seen : before}.${now}`;
  document.cookie = `${cookie}=${value}; path=/; max-age=34560000; samesite=strict`;
}

export default function ({ data }) {
  clearInterval(timer);
  note(data);
  timer = setInterval(() => note(data), 60000);
  return () => clearInterval(timer);
}

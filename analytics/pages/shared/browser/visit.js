// Keeps a cookie with the end of the visit before this one and the last sign of this one, in seconds since 1970. A visit
// is over after so many seconds without a sign. Only this browser counts, and a hidden tab gives no sign.

let timer = null;

function note({ cookie, seconds }) {
  if (document.hidden) return;
  const cookieMatch = document.cookie.match(new RegExp(`(?:^|; )${cookie}=(\\d*)\\.(\\d+)`));
  const now = Math.floor(Date.now() / 1000);
  const [before, seen] = cookieMatch ? [cookieMatch[1], Number(cookieMatch[2])] : ["", now];
  const value = `${now - seen > seconds ? seen : before}.${now}`;
  document.cookie = `${cookie}=${value}; path=/; max-age=34560000; samesite=strict`;
}

export default function ({ data }) {
  clearInterval(timer);
  note(data);
  timer = setInterval(() => note(data), 60000);
  return () => clearInterval(timer);
}

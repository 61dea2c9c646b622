// Keeps the moment up to which findings were marked as seen on this page, in a cookie of this browser.

export default function ({ data }) {
  if (data.value) document.cookie = `${data.cookie}=${data.value}; path=/; max-age=34560000; samesite=strict`;
}

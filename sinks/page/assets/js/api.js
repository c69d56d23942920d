/** What the page asks of the platform. */

async function json(path) {
  const response = await fetch(path, { headers: { accept: 'application/json' } });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** Channels that are live now, as `/api/channels` lists them. */
export const liveChannels = async () => (await json('/api/channels'))?.channels ?? [];

/** One channel, live or not; null where nobody has that name. */
export const channel = (login) => json(`/api/channels/${encodeURIComponent(login)}`);

/** Reports how playback went. Kept alive so that the last report outlives the page. */
export const postQuality = (report) =>
  fetch('/api/quality', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(report),
    keepalive: true,
  });

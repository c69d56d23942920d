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

/** Tells the platform something. Kept alive, so that the last word outlives the page. */
export async function post(path, message) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
    keepalive: true,
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response;
}

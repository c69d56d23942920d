/** What the page asks of the platform. */

async function json(path) {
  const response = await fetch(path, { headers: { accept: 'application/json' } });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** A page of what is live: `{ channels, cursor }`, the first one with `categories` too. Asked by `after`, `order`, `category`, `query`. */
export const live = (asked = {}) => json(`/api/channels?${new URLSearchParams(asked)}`);

/** Live channels with most viewers. */
export const liveChannels = async () => (await live()).channels;

/** Those of the channels that have the ids and are live, in their order; `known` need not be asked for. */
export async function withIds(ids, known) {
  const found = new Map(known.map((channel) => [channel.channel_id, channel]));
  const lacking = ids.filter((id) => !found.has(id)).map((id) => ['channel_id', id]);
  if (lacking.length) for (const channel of (await live(lacking)).channels) found.set(channel.channel_id, channel);
  return ids.map((id) => found.get(id)).filter(Boolean);
}

/** One channel, live or not; null where nobody has that name. */
export const channel = (login) => json(`/api/channels/${encodeURIComponent(login)}`);

/** A VOD; null where there is none. */
export const vod = (id) => json(`/api/vods/${encodeURIComponent(id)}`);

/** A clip and where it stands; null where there is none. */
export const clip = (id) => json(`/api/clips/${encodeURIComponent(id)}`);

/** What was said between two times of a VOD, in seconds. */
export const pastChat = (id, from, to) => json(`/vod/${encodeURIComponent(id)}/chat?from=${from}&to=${to}`);

/** Asks for something in the name of whoever has the access token; an error's message is for people. */
export async function ask(path, token) {
  const mine = await fetch('/oauth2/validate', { headers: { authorization: `OAuth ${token}` } });
  const { client_id: client = '' } = mine.ok ? await mine.json() : {};
  const response = await fetch(path, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'client-id': client } });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message ?? `The platform answered ${response.status}`);
  return answer;
}

/** What each stage between camera and screen took lately, by mode; none of a channel that nobody knows. */
export const latency = async (login) => (await json(`/api/channels/${encodeURIComponent(login)}/latency`))?.stages ?? [];

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

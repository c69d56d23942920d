/** What the platform recommends: streams with why each is shown, and rows that people chose. */

import { headers, user } from './session.js';

/** Each page that is asked for is worked out afresh and written down. */
const REFRESH_MS = 60_000;
const MOST = 12;

let askedAt = -Infinity;
let askedFor = null;
let page = null;

/** The page for this viewer, at most a minute old; null where the platform has none. */
export async function recommended() {
  const who = user()?.id ?? null;
  if (performance.now() - askedAt < REFRESH_MS && askedFor === who) return page;
  [askedAt, askedFor] = [performance.now(), who];
  const query = new URLSearchParams({ limit: String(MOST), ...(who && { user_id: who }) });
  const response = await fetch(`/recommendations?${query}`, { headers: headers(), cache: 'no-store' });
  const told = response.ok && response.headers.get('content-type')?.includes('json'); // else it is a channel's page, or an error
  page = told ? await response.json() : null;
  return page;
}

let rowsAt = -Infinity;
let rows = [];

/** Rows that people chose, `[{ key, label, ids }]`, at most a minute old; the last known ones where the platform does not answer. */
export async function chosen() {
  if (performance.now() - rowsAt < REFRESH_MS) return rows;
  rowsAt = performance.now();
  const response = await fetch('/recommendations/rows', { cache: 'no-store' }).catch(() => null);
  const told = response?.ok ? await response.json() : null;
  if (told) rows = told.rows.map(({ row, label, data }) => ({ key: `row ${row}`, label, ids: data.map(({ channel_id: id }) => id) }));
  return rows;
}

/** Tells that a stream of the page was opened, so that the next pages are better. */
export function opened(channel) {
  if (!page?.data.some(({ channel_id: id }) => id === channel.channel_id)) return;
  const query = new URLSearchParams({ channel_id: channel.channel_id });
  fetch(`/recommendations/${page.request_id}/clicks?${query}`, { method: 'POST', keepalive: true }).catch(() => {});
}

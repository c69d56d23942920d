/** Measures a broadcast from what ingest cut of it: size and frames of each new segment of the source. */

import { frames } from './fragments.js';

/** The newest segment of a playlist: `{ url, seconds }`. */
function newest(text, base) {
  const found = [...text.matchAll(/#EXTINF:([\d.]+)[^\n]*\n(?:#[^\n]*\n)*([^#\n]+)/g)].at(-1);
  return found ? { url: new URL(found[2], base).href, seconds: Number(found[1]) } : null;
}

/** Gives `measure(channel)`: `{ bits, rate, lost }` of the newest segment of the source, or null where there is no new one. */
export function measuring() {
  let last = null;
  return async (channel) => {
    const source = channel.renditions.find(({ name }) => name === 'source') ?? channel.renditions.find(({ kind }) => kind === 'video');
    if (!source) return null;
    const base = new URL(`${source.playlist}?latency=normal`, location.href); // an address without a session: its owner is no viewer
    const answer = await fetch(base);
    const segment = answer.ok ? newest(await answer.text(), base) : null;
    if (!segment || segment.url === last) return null;
    const body = await fetch(segment.url);
    if (!body.ok) return null;
    last = segment.url;
    const data = await body.arrayBuffer();
    const count = frames(data);
    // A segment ends at a key frame: one frame more or less is how its length is rounded.
    const lacking = Math.round(source.frame_rate * segment.seconds) - count;
    return { bits: (data.byteLength * 8) / segment.seconds, rate: count / segment.seconds, lost: lacking > 1 ? lacking : 0 };
  };
}

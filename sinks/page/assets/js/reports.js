/** Tells the platform how playback goes: the player's stage of the latency budget, and stalls. */

import { post } from './api.js';

const PERIOD_MS = 10_000;
/** RFC 9562, appendix A: the name space of URLs. */
const NAMESPACE_URL = '6ba7b811-9dad-11d1-80b4-00c04fd430c8';

/**
 * Id of the event that produced a media object: UUID version 5 of its address.
 * Null where the page was loaded without TLS from another host: browsers hash in secure contexts only.
 */
export async function eventIdOf(url) {
  if (!url || !crypto.subtle) return null;
  const address = new URL(url).pathname.replace(/^(?:\/~[^/]+)?\/media\//, '');
  const namespace = Uint8Array.from(NAMESPACE_URL.replaceAll('-', '').match(/../g), (pair) => parseInt(pair, 16));
  const name = new TextEncoder().encode(address);
  const input = new Uint8Array([...namespace, ...name]);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', input)).slice(0, 16);
  digest[6] = (digest[6] & 0x0f) | 0x50;
  digest[8] = (digest[8] & 0x3f) | 0x80;
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Reports every ten seconds while something plays. `channelId()` gives the id of the channel on screen. */
export function reportQuality(player, visit, channelId) {
  let stalls = 0;
  let stalledMs = 0;
  setInterval(async () => {
    const id = channelId();
    const latency = Math.round(player.latency * 1000);
    if (!id || !visit.id || !player.engine || player.state === 'paused' || !Number.isFinite(latency)) return;
    const total = Math.round(player.stalls.total);
    const report = {
      channel_id: id,
      viewer_session_id: visit.id,
      rendition: player.audioOnly ? 'audio' : player.engine.rendition,
      low_latency: player.lowLatency,
      latency_ms: latency,
      buffer_ms: Math.round(player.edge.bufferSeconds * 1000),
      stalls: player.stalls.count - stalls,
      stalled_ms: total - stalledMs,
      segment_event_id: await eventIdOf(player.engine.segmentUrl),
    };
    stalls = player.stalls.count;
    stalledMs = total;
    try {
      await post('/api/quality', report);
    } catch {
      // The next report comes in ten seconds; playback does not depend on it.
    }
  }, PERIOD_MS);
}

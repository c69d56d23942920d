/** A viewer's visit to a channel, as the platform counts it. */

import { post } from './api.js';

const HEARTBEAT_MS = 30_000;
const TICK_MS = 1000;

const device = () => (matchMedia('(max-width: 900px) and (pointer: coarse)').matches ? 'mobile' : 'desktop');

export class Visit {
  /** Id that the platform gave this visit; null until it answered. */
  id = null;
  #channelId = null;
  #watchedMs = 0;
  #beatAt = 0;

  /** `channelId()` gives the id of the channel on screen; a visit lasts while it stays the same. */
  constructor(player, channelId) {
    setInterval(() => {
      const now = channelId() ?? null;
      if (player.state === 'playing') this.#watchedMs += TICK_MS;
      if (this.#channelId !== null && now !== this.#channelId) this.leave();
      if (this.#channelId === null && now !== null && player.state === 'playing') this.#join(now);
      else if (this.id && performance.now() - this.#beatAt > HEARTBEAT_MS) this.#beat();
    }, TICK_MS);
    addEventListener('pagehide', () => this.leave());
  }

  async #join(channelId) {
    this.#channelId = channelId;
    this.#watchedMs = 0;
    this.#beatAt = performance.now();
    try {
      const response = await post('/api/sessions', { channel_id: channelId, device: device() });
      const { viewer_session_id: id } = await response.json();
      if (this.#channelId === channelId) this.id = id ?? null;
    } catch {
      this.#channelId = null; // the next tick tries again
    }
  }

  #beat() {
    this.#beatAt = performance.now();
    post('/api/sessions/heartbeat', { channel_id: this.#channelId, viewer_session_id: this.id }).catch(() => {});
  }

  /** Ends the visit, if there is one. */
  leave() {
    if (this.id) post('/api/sessions/leave', { channel_id: this.#channelId, viewer_session_id: this.id, watched_ms: this.#watchedMs }).catch(() => {});
    this.id = null;
    this.#channelId = null;
  }
}

/** A viewer's visit to a channel, as the platform counts it: by the session in the playlists' addresses, which the player goes on asking for. */

import { post } from './api.js';

const TICK_MS = 1000;

export class Visit {
  #channelId = null;
  #session = null;
  #watchedMs = 0;

  /** `channelId()` gives the id of the channel on screen; a visit lasts while the player's session stays the same. */
  constructor(player, channelId) {
    setInterval(() => {
      const now = player.session;
      if (this.#session && now !== this.#session) this.leave();
      if (!this.#session && now && channelId()) this.#begin(channelId(), now);
      if (player.state === 'playing') this.#watchedMs += TICK_MS;
    }, TICK_MS);
    addEventListener('pagehide', () => this.leave());
  }

  /** The session that the platform gave this visit; null before the first playlist. */
  get id() {
    return this.#session;
  }

  #begin(channelId, session) {
    this.#channelId = channelId;
    this.#session = session;
    this.#watchedMs = 0;
  }

  /** Ends the visit, if there is one: the platform would notice by itself some seconds later. */
  leave() {
    if (!this.#session) return;
    const visit = { channel_id: this.#channelId, viewer_session_id: this.#session, watched_ms: this.#watchedMs };
    post('/api/sessions/leave', visit).catch(() => {});
    this.#session = null;
  }
}

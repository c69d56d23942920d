/** Keeps the picture where the mode wants it: a little faster when behind, a jump when far behind, a little slower while the buffer is too small. */

import { synchronised } from './clock.js';

const PERIOD_MS = 500;
/** Further behind than this no viewer should wait for catching up; in low latency less, since lag is what that mode is chosen against. */
const JUMP_SECONDS = { low: 4, normal: 6 };
/** Lag that nobody sees; below it the speed is left alone. */
const TOLERANCE_SECONDS = { low: 0.1, normal: 0.4 };
/** Once catching up, go on to here, so that the speed does not flutter. */
const SETTLED_SECONDS = 0.05;
/** Above about 5 % speech is heard to be faster although its pitch is kept. */
const CATCH_UP_RATE = 1.05;
/**
 * Normal mode keeps two segments and more ahead, which who comes as a stream begins has not got: the playlist is no longer than that yet.
 * Played this much slower the buffer fills, three seconds within a minute.
 */
const FILL_RATE = 0.95;
/** Between a segment's last picture and its place in the playlist: cutting, storing, telling. */
const PUBLISHING_SECONDS = 0.15;
/** A playlist may have got its newest segment up to a segment's length ago, and loading takes time too; what is more has another cause. */
const LONGEST_START_LAG = 4;
/** As long after the first picture a jump still belongs to the start. */
const START_MS = 2000;
/** A picture that stood still this long has lost its place: it goes on at the live position as soon as that is buffered. */
const LOST_MS = 2000;
/** Part of the aimed distance that must be buffered, or catching up would end in a stall. */
const BUFFER_SHARE = 0.5;

const buffered = (video) => {
  for (let i = 0; i < video.buffered.length; i += 1) {
    if (video.buffered.start(i) <= video.currentTime + 0.1 && video.buffered.end(i) > video.currentTime) {
      return video.buffered.end(i) - video.currentTime;
    }
  }
  return 0;
};

export class LiveEdge {
  /** False while the viewer has rewound or paused. */
  following = true;
  #player;
  #startsUntil = 0;
  #lost = false;

  constructor(player) {
    this.#player = player;
    setInterval(() => this.#adjust(), PERIOD_MS);
    for (const name of ['canplay', 'progress']) player.video.addEventListener(name, () => this.#begin());
    player.stalls.onEnd = (milliseconds) => {
      this.#lost ||= milliseconds > LOST_MS;
    };
  }

  /** A new source is on its way: its first picture may be put in its place without anybody seeing a jump. */
  fresh() {
    this.#startsUntil = Infinity;
  }

  /**
   * hls.js takes the first playlist for as new as its loading, though its newest segment may have been there for a while.
   * Dates on the pictures tell by how much it starts too early.
   */
  #begin() {
    const { engine, video, latency } = this.#player;
    const now = performance.now();
    if (now > this.#startsUntil || !engine || video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA || !synchronised()) return;
    if (this.#startsUntil === Infinity) this.#startsUntil = now + START_MS;
    const lag = latency - engine.target - PUBLISHING_SECONDS;
    if (lag > TOLERANCE_SECONDS.normal && lag < LONGEST_START_LAG && this.bufferSeconds > lag) {
      video.currentTime += lag;
      this.#startsUntil = 0;
    }
  }

  #adjust() {
    const { engine, video, lowLatency } = this.#player;
    if (!engine || video.paused || engine.ended) return;
    const mode = lowLatency ? 'low' : 'normal';
    const { behind } = engine;
    if (!this.following || !Number.isFinite(behind)) {
      video.playbackRate = 1;
      this.#lost = false;
    } else if (behind > JUMP_SECONDS[mode] || (this.#lost && behind > TOLERANCE_SECONDS[mode] && behind < this.bufferSeconds)) {
      this.jump();
    } else if (behind > TOLERANCE_SECONDS[mode] && this.bufferSeconds > engine.target * BUFFER_SHARE) {
      video.playbackRate = CATCH_UP_RATE;
    } else if (!lowLatency && behind < -TOLERANCE_SECONDS[mode]) {
      video.playbackRate = FILL_RATE;
    } else if (video.playbackRate < 1) {
      if (behind > -SETTLED_SECONDS) video.playbackRate = 1;
    } else if (behind < SETTLED_SECONDS || this.bufferSeconds < (engine.target * BUFFER_SHARE) / 2) {
      video.playbackRate = 1;
    }
  }

  /** Goes to the live position and follows it from there. */
  jump() {
    const position = this.#player.engine?.livePosition;
    this.following = true;
    this.#lost = false;
    if (position !== null && position !== undefined && position > this.#player.video.currentTime) this.#player.video.currentTime = position;
  }

  /** Seconds of media ahead of the picture. */
  get bufferSeconds() {
    return buffered(this.#player.video);
  }
}

/** Counts how often and how long the picture stood still against the viewer's wish. */

/** After a seek or a source change the picture waits by request: that is no stall. */
const GRACE_MS = 1500;

export class StallMeter {
  count = 0;
  milliseconds = 0;
  /** Called with the length of each stall that is over. */
  onEnd = () => {};
  #since = null;
  #excusedUntil = Infinity; // until the first picture

  constructor(video) {
    video.addEventListener('waiting', () => {
      if (!video.paused && performance.now() > this.#excusedUntil) this.#begin();
    });
    video.addEventListener('playing', () => {
      this.#end();
      if (this.#excusedUntil === Infinity) this.#excusedUntil = 0;
    });
    video.addEventListener('pause', () => this.#end());
    video.addEventListener('seeking', () => {
      if (this.#since === null && this.#excusedUntil !== Infinity) this.#excusedUntil = performance.now() + GRACE_MS;
    });
  }

  #begin() {
    if (this.#since !== null) return;
    this.#since = performance.now();
    this.count += 1;
  }

  #end() {
    if (this.#since === null) return;
    const length = performance.now() - this.#since;
    this.#since = null;
    this.milliseconds += length;
    this.onEnd(length);
  }

  /** Another source is on its way: waiting for its first picture is no stall. */
  excuse() {
    this.#end();
    this.#excusedUntil = Infinity;
  }

  /** Milliseconds stalled, the running stall's included. */
  get total() {
    return this.milliseconds + (this.#since === null ? 0 : performance.now() - this.#since);
  }
}

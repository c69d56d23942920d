/** Plays a channel by the browser's own HLS, where there are no Media Source Extensions (Safari on iPhones). */

export class NativeEngine {
  static supported = (video) => video.canPlayType('application/vnd.apple.mpegurl') !== '';

  /** The session that a master puts into its playlists' addresses, asked for beforehand: the system's player does not tell it. */
  static async session(url) {
    try {
      return /~([\w.-]+)\//.exec(await (await fetch(url)).text())?.[1] ?? null;
    } catch {
      return null; // it plays all the same
    }
  }

  session = null;
  renditions = []; // the system chooses among them by itself
  audioUrl = null;
  rendition = 'auto';
  outgrown = false; // nor does it tell what it knows of
  segmentUrl = null;
  playlistAge = 0;
  behind = NaN; // the system follows the live edge by itself
  target = NaN;
  bandwidth = NaN;

  #video;
  #onError;

  constructor(video, url, options, events) {
    this.#video = video;
    this.#onError = () => events.onFatal(video.error?.message ?? 'the media cannot be played');
    video.addEventListener('error', this.#onError);
    if (options.from !== null) video.addEventListener('loadedmetadata', () => (video.currentTime = this.positionOf(options.from) ?? 0), { once: true });
    video.src = url;
    events.onRenditions();
  }

  choose() {}
  offer() {}

  get playingDate() {
    const start = this.#video.getStartDate?.().getTime() ?? NaN;
    return start + this.#video.currentTime * 1000;
  }

  /** Where a date is on the element's time line, seconds; null while unknown. */
  positionOf(date) {
    const start = this.#video.getStartDate?.().getTime() ?? NaN;
    return Number.isFinite(start) ? Math.max(0, (date - start) / 1000) : null;
  }

  get oldestDate() {
    return this.#video.getStartDate?.().getTime() ?? NaN;
  }

  get livePosition() {
    const { seekable } = this.#video;
    return seekable.length ? seekable.end(seekable.length - 1) : null;
  }

  get ended() {
    return this.#video.ended;
  }

  destroy() {
    this.#video.removeEventListener('error', this.#onError);
    this.#video.removeAttribute('src');
    this.#video.load();
  }
}

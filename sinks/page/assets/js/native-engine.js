/** Plays a channel by the browser's own HLS, where there are no Media Source Extensions (Safari on iPhones). */

export class NativeEngine {
  static supported = (video) => video.canPlayType('application/vnd.apple.mpegurl') !== '';

  renditions = []; // the system chooses among them by itself
  audioUrl = null;
  rendition = 'auto';
  segmentUrl = null;
  playlistAge = 0;
  behind = NaN; // the system follows the live edge by itself
  target = NaN;
  bandwidth = NaN;

  #video;
  #onError;

  constructor(video, url, _options, events) {
    this.#video = video;
    this.#onError = () => events.onFatal(video.error?.message ?? 'the media cannot be played');
    video.addEventListener('error', this.#onError);
    video.src = url;
    events.onRenditions();
  }

  choose() {}

  get playingDate() {
    const start = this.#video.getStartDate?.().getTime() ?? NaN;
    return start + this.#video.currentTime * 1000;
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

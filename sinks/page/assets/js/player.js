/** One channel in one video element: source, mode, quality, and coming back from whatever goes wrong. */

import { serverNow } from './clock.js';
import { through } from './gate.js';
import { HlsEngine } from './hls-engine.js';
import { LiveEdge } from './live-edge.js';
import { NativeEngine } from './native-engine.js';
import { preferences } from './preferences.js';
import { StallMeter } from './stalls.js';

/** Waits before the n-th rebuild after a fatal error; the last one repeats. */
const REBUILD_MS = [200, 1000, 2000, 4000];
/** Playing this long means that a rebuild worked. */
const HEALTHY_MS = 15_000;
const WATCH_MS = 1000;
/** The picture stands although the playlist grows: whatever the player waits for will not come. */
const STUCK_MS = 10_000;
/** Three segments: a playlist that has not grown for so long has lost its publisher. */
const PUBLISHER_GONE_SECONDS = 6;

/**
 * States: `idle` (nothing to play), `loading` (waiting for media), `playing`, `paused`, `interrupted` (the publisher is away,
 * goes on by itself), `ended`.
 *
 * Events: `state`, `renditions` (the list or the choice changed), `mode`.
 */
export class Player extends EventTarget {
  engine = null;
  state = 'idle';
  lowLatency = preferences.get('lowLatency');
  quality = preferences.get('quality');
  /** Playback was started without sound because the browser asks for a gesture first. */
  silenced = false;
  /** Fatal errors that made a rebuild necessary. */
  rebuilds = 0;
  /** Since when the channel is live, ms since 1970; NaN while unknown. */
  startedAt = NaN;
  /** What the playlists' addresses call this viewer of this channel; null before the first. */
  session = null;
  /** What addresses begin with: the pass of a restricted channel, renewed while it plays. */
  folder = '';

  #login = null;
  #from = null; // ms since 1970: the viewer has rewound further than the live playlist reaches
  #attempt = 0;
  #rebuildTimer = 0;
  #audioUrl = null;
  #known = [];
  #healthySince = null;
  #lastTime = 0;
  #movedAt = 0;

  constructor(video, freeze) {
    super();
    this.video = video;
    this.freeze = freeze;
    this.stalls = new StallMeter(video);
    this.edge = new LiveEdge(this);
    video.volume = preferences.get('volume');
    video.muted = preferences.get('muted');
    for (const name of ['playing', 'waiting', 'pause', 'ended']) video.addEventListener(name, () => this.#settle());
    video.addEventListener('playing', () => this.#unfreeze());
    setInterval(() => this.#watch(), WATCH_MS);
  }

  /** Plays a channel; the same one again builds its source anew. */
  async play(login) {
    if (login !== this.#login) this.session = null;
    this.#login = login;
    this.#from = null;
    this.edge.following = true;
    if (!HlsEngine.supported() && !this.session) {
      this.session = await NativeEngine.session(this.#address());
      if (login !== this.#login) return; // the viewer went on meanwhile
    }
    this.#build();
  }

  /** Leaves the channel. */
  stop() {
    this.#login = null;
    this.session = null;
    this.#teardown();
    this.#unfreeze();
    this.#setState('idle');
  }

  get login() {
    return this.#login;
  }

  /** Whether only sound is played. */
  get audioOnly() {
    return this.quality === 'audio' && this.#audioUrl !== null;
  }

  /** Renditions to choose from, best first; what is offered in sound only is said by `audioOffered`. */
  get renditions() {
    return this.audioOnly ? this.#known : (this.engine?.renditions ?? []);
  }

  get audioOffered() {
    return this.#audioUrl !== null;
  }

  /** Switches the latency mode in place. */
  setLowLatency(on) {
    if (on === this.lowLatency) return;
    this.lowLatency = on;
    preferences.set('lowLatency', on);
    this.dispatchEvent(new Event('mode'));
    if (this.#login) this.play(this.#login);
  }

  /** Chooses a rendition by name, `auto` or `audio`. */
  setQuality(name) {
    const sourceChanges = (name === 'audio') !== (this.quality === 'audio');
    this.quality = name;
    preferences.set('quality', name);
    if (sourceChanges && this.#login) this.#build();
    else this.engine?.choose(name);
    this.dispatchEvent(new Event('renditions'));
  }

  /** Names of the renditions that the platform offers now; of the past it does not say. */
  offer(names) {
    if (!this.rewound) this.engine?.offer(names);
  }

  /** Pauses or goes on where it stopped. */
  toggle() {
    if (this.video.paused) {
      this.#start();
    } else {
      this.edge.following = false;
      this.video.pause();
    }
  }

  /** Goes back or forward within what the playlist still offers. */
  seekBy(seconds) {
    const { seekable } = this.video;
    const live = this.engine?.livePosition;
    if (!seekable.length || live === null || live === undefined) return;
    const target = this.video.currentTime + seconds;
    if (target >= live) this.goLive();
    else {
      this.edge.following = false;
      this.video.currentTime = Math.max(target, seekable.start(0));
    }
  }

  /** Whether the past is played, from a playlist of its own. */
  get rewound() {
    return this.#from !== null;
  }

  /** Goes to a date (ms since 1970) within the last two hours; behind the live picture's own playlist the past has one. */
  rewindTo(date) {
    const at = this.engine?.positionOf(date) ?? null;
    this.edge.following = false;
    if (at !== null && (this.rewound || date >= this.engine.oldestDate)) {
      this.video.currentTime = at;
    } else if (this.#login) {
      this.#from = date;
      this.#build();
    }
  }

  /** Back to the live edge. */
  goLive() {
    if (this.rewound) {
      this.play(this.#login);
      return;
    }
    this.edge.jump();
    if (this.video.paused) this.#start();
  }

  /** Sound off or on; on also where the browser had asked for a gesture. */
  mute(off) {
    this.silenced = false;
    if (!off && this.video.volume === 0) this.video.volume = 0.5;
    this.video.muted = off;
    this.dispatchEvent(new Event('state'));
  }

  /** 0 to 1; anything above 0 is heard. */
  setVolume(volume) {
    this.silenced = false;
    this.video.volume = Math.min(1, Math.max(0, volume));
    this.video.muted = this.video.volume === 0;
  }

  /** The picture in a small window of its own, or back. */
  async pictureInPicture() {
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
    else if (this.video.readyState > 0) await this.video.requestPictureInPicture?.();
  }

  /** Seconds from the publisher to this screen; NaN while unknown. */
  get latency() {
    return this.engine ? (serverNow() - this.engine.playingDate) / 1000 : NaN;
  }

  #address() {
    if (this.quality === 'audio' && this.#audioUrl) return through(this.folder, this.#audioUrl);
    if (this.rewound) return through(this.folder, `/live/${encodeURIComponent(this.#login)}/rewind.m3u8`);
    const session = this.session ? `~${this.session}/` : ''; // a source that is built anew is no new viewer
    const path = `/live/${encodeURIComponent(this.#login)}/${session}master.m3u8${this.lowLatency ? '' : '?latency=normal'}`;
    return through(this.folder, path);
  }

  #build() {
    clearTimeout(this.#rebuildTimer);
    this.#hold();
    this.#teardown();
    const Engine = HlsEngine.supported() ? HlsEngine : NativeEngine;
    this.#movedAt = performance.now();
    this.edge.fresh();
    const options = { lowLatency: this.lowLatency && !this.rewound, rendition: this.quality, from: this.#from, folder: () => this.folder };
    this.engine = new Engine(this.video, this.#address(), options, {
      onRenditions: () => this.#learn(),
      onRendition: () => this.dispatchEvent(new Event('renditions')),
      onFatal: (reason) => this.#rebuildLater(reason),
    });
    this.#setState('loading');
    this.#start();
  }

  #learn() {
    this.session ??= this.engine?.session ?? null;
    if (!this.audioOnly) {
      this.#known = this.engine?.renditions ?? [];
      const audio = this.engine?.audioUrl ?? null;
      const wanted = this.quality === 'audio' && audio !== null;
      this.#audioUrl = audio;
      if (wanted) this.#build();
    }
    this.dispatchEvent(new Event('renditions'));
  }

  #teardown() {
    clearTimeout(this.#rebuildTimer);
    this.stalls.excuse();
    this.engine?.destroy();
    this.engine = null;
    this.video.playbackRate = 1;
  }

  async #start() {
    try {
      await this.video.play();
    } catch (error) {
      if (error.name !== 'NotAllowedError' || this.video.muted) return; // a newer source took over, or the viewer paused
      this.silenced = true;
      this.video.muted = true;
      await this.#start();
      this.dispatchEvent(new Event('state'));
    }
  }

  #rebuildLater(reason) {
    console.warn(`Playback is built anew: ${reason}`);
    this.rebuilds += 1;
    const wait = REBUILD_MS[Math.min(this.#attempt, REBUILD_MS.length - 1)];
    this.#attempt += 1;
    clearTimeout(this.#rebuildTimer);
    this.#rebuildTimer = setTimeout(() => this.#build(), wait);
    this.#movedAt = performance.now() + wait;
    this.#setState('interrupted');
  }

  /** Once a second: names the state, and rebuilds what is stuck or knows too few renditions. */
  #watch() {
    if (!this.engine) return;
    const now = performance.now();
    if (this.video.currentTime !== this.#lastTime || this.video.paused) {
      this.#lastTime = this.video.currentTime;
      this.#movedAt = now;
    }
    if (!this.video.paused && now - this.#movedAt < WATCH_MS && this.#attempt && this.state === 'playing') {
      this.#healthySince ??= now;
      if (now - this.#healthySince > HEALTHY_MS) this.#attempt = 0;
    } else this.#healthySince = null;
    this.#settle();
    if (this.engine.outgrown && this.edge.following && !this.audioOnly && !this.video.paused) {
      this.#build();
      return;
    }
    const growing = this.engine.playlistAge < PUBLISHER_GONE_SECONDS;
    if (now - this.#movedAt > STUCK_MS && growing && !this.engine.ended) this.#rebuildLater('the picture does not move');
  }

  #settle() {
    const { video, engine } = this;
    if (!engine) return;
    const waiting = video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    if (video.ended || (engine.ended && waiting)) this.#setState('ended');
    else if (video.paused && video.readyState > 0) this.#setState('paused');
    else if (!waiting) this.#setState('playing');
    else this.#setState(engine.playlistAge > PUBLISHER_GONE_SECONDS ? 'interrupted' : 'loading');
  }

  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }

  /** Keeps the last picture on screen while the source changes. */
  #hold() {
    if (!this.video.videoWidth || this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    this.freeze.width = this.video.videoWidth;
    this.freeze.height = this.video.videoHeight;
    this.freeze.getContext('2d').drawImage(this.video, 0, 0);
    this.freeze.hidden = false;
  }

  #unfreeze() {
    this.freeze.hidden = true;
  }
}

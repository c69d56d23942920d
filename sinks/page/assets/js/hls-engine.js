/** Plays a channel through Media Source Extensions by hls.js. */

import Hls from '../vendor/hls.min.mjs';
import { through } from './gate.js';
import { preferences } from './preferences.js';

/**
 * Normal mode: seconds kept between the playlist's end and the picture. A segment is two seconds long, so the buffer goes
 * from this down to two seconds less before the next one comes: a little over two segments in the middle, three at least
 * for a slow one to arrive in. With the publisher's own delay it stays below six seconds glass to glass.
 */
const NORMAL_SYNC_SECONDS = 5.2;
/**
 * What hls.js adds to that distance at each stall, up to a segment's length. In low latency two parts: the link has shown that it needs
 * them. Normal mode has two segments ahead already: who stalls with these needs a smaller picture, not more delay.
 */
const STALL_INCREASE_SECONDS = { low: 0.4, normal: 0 };
/** How far one can rewind within the page without fetching again. */
const BACK_BUFFER_SECONDS = 90;
/** A live playlist is asked again for as long as the page is open: origins restart, networks come back. */
const PLAYLIST_RETRIES = 10_000;
const FIRST_RETRY_MS = 300;
const LONGEST_RETRY_MS = 4000;
/** What a connection is taken for before anything was measured on it. */
const FIRST_ESTIMATE_BITS = 4_000_000;
/** The renditions of a ladder come one after the other; within a segment all are there. */
const LADDER_MS = 2000;

/**
 * Half-lives of the bandwidth estimate, in seconds of downloading. At the live edge downloads are short, so hls.js' own (3 and 9)
 * let a viewer wait half a minute for the good picture after the link has recovered.
 */
const ESTIMATE_HALF_LIVES = { abrEwmaFastLive: 2, abrEwmaSlowLive: 4 };

const untilItComesBack = {
  default: {
    maxTimeToFirstByteMs: 10_000,
    maxLoadTimeMs: 20_000,
    timeoutRetry: { maxNumRetry: PLAYLIST_RETRIES, retryDelayMs: FIRST_RETRY_MS, maxRetryDelayMs: LONGEST_RETRY_MS },
    errorRetry: {
      maxNumRetry: PLAYLIST_RETRIES,
      retryDelayMs: FIRST_RETRY_MS,
      maxRetryDelayMs: LONGEST_RETRY_MS,
      backoff: 'exponential',
      shouldRetry: (policy, count) => count < policy.maxNumRetry, // a 4xx too: the origin may be starting
    },
  },
};

function configuration(lowLatency, folder) {
  return {
    // In both modes: it makes hls.js ask for the next playlist at once and wait for it at the origin, instead of polling in a
    // rhythm of its own that may lag by a whole segment. Normal playlists list no parts, so whole segments are played.
    lowLatencyMode: true,
    // In low latency the playlist's PART-HOLD-BACK says where to play: a value set here would override it.
    ...(lowLatency ? {} : { liveSyncDuration: NORMAL_SYNC_SECONDS }),
    liveSyncOnStallIncrease: STALL_INCREASE_SECONDS[lowLatency ? 'low' : 'normal'],
    backBufferLength: BACK_BUFFER_SECONDS,
    playlistLoadPolicy: untilItComesBack,
    xhrSetup: (xhr, url) => xhr.open('GET', through(folder(), url), true), // addresses that were read under an earlier pass too
    abrEwmaDefaultEstimate: preferences.get('bandwidth') ?? FIRST_ESTIMATE_BITS,
    ...ESTIMATE_HALF_LIVES,
    workerPath: new URL('../vendor/hls.worker.js', import.meta.url).href,
  };
}

/** The rendition's name in its playlist's address: `/live/{login}/{rendition}.m3u8`, of the past `/live/{login}/{rendition}/rewind.m3u8`. */
const renditionOf = (url) => /([^/]+?)(?:\/rewind)?\.m3u8(?:[?#]|$)/.exec(url)?.[1] ?? '';

const nameOf = (level) => renditionOf(level.url[0]);

/** The session's folder: `/live/{login}/~{session}/{rendition}.m3u8`, perhaps behind a pass. */
const sessionIn = (url) => /\/live\/[^/]+\/~([\w.-]+)\//.exec(url)?.[1] ?? null;

/** hls.js' choice by bandwidth, but for what `nearest` makes of it. */
const choosing = (nearest) =>
  class extends Hls.DefaultConfig.abrController {
    get nextAutoLevel() {
      return nearest(super.nextAutoLevel);
    }

    set nextAutoLevel(level) {
      super.nextAutoLevel = level;
    }
  };

export class HlsEngine {
  static supported = () => Hls.isSupported();

  #hls;
  #video;
  #url;
  #mediaErrors = 0;
  #listed = new Set(); // renditions in the master, the sound among them
  #grewAt = Infinity;
  #chosen = 'auto';
  #offered = null; // names; null before the platform has said them

  /**
   * `from`: date to begin at, ms since 1970; null begins at the live edge. `folder()`: the pass that addresses begin with now.
   * `events`: `{ onRenditions(), onRendition(), onFatal(reason) }`.
   */
  constructor(video, url, { lowLatency, rendition, from, folder }, events) {
    this.#video = video;
    this.#url = url;
    const abrController = choosing((level) => this.#nearest(level));
    this.#hls = new Hls({ ...configuration(lowLatency, folder), abrController });
    this.#hls.on(Hls.Events.MANIFEST_PARSED, () => {
      this.#hls.firstLevel = 0; // the smallest: taken where the link carries none of them, in place of the first listed, the best
      this.choose(rendition);
      events.onRenditions();
    });
    this.#hls.on(Hls.Events.MANIFEST_LOADED, (_, { levels, audioTracks }) => {
      this.#listed = new Set([...levels, ...audioTracks].map(({ url }) => renditionOf(url)));
    });
    this.#hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => this.#compare(details.renditionReports ?? []));
    if (from !== null) this.#beginAt(from);
    this.#hls.on(Hls.Events.LEVEL_SWITCHED, () => events.onRendition());
    this.#hls.on(Hls.Events.FRAG_BUFFERED, () => preferences.set('bandwidth', Math.round(this.#hls.bandwidthEstimate)));
    this.#hls.on(Hls.Events.ERROR, (_, error) => this.#onError(error, events));
    this.#hls.loadSource(url);
    this.#hls.attachMedia(video);
  }

  /** A playlist names all others that there are now. */
  #compare(reports) {
    if (reports.some(({ URI }) => !this.#listed.has(renditionOf(URI)))) this.#grewAt = Math.min(this.#grewAt, performance.now());
  }

  /** Whether renditions came after the master was read, which hls.js does once: a viewer may be there before the encoders. */
  get outgrown() {
    return performance.now() - this.#grewAt > LADDER_MS;
  }

  /** The first picture says where dates are on the time line. */
  #beginAt(date) {
    this.#hls.once(Hls.Events.FRAG_BUFFERED, () => {
      const at = this.positionOf(date);
      if (at !== null) this.#video.currentTime = at;
    });
  }

  /** Where a date is on the element's time line, seconds: within what the playlist lists; null while unknown. */
  positionOf(date) {
    const fragments = this.#hls.latestLevelDetails?.fragments ?? [];
    const dated = fragments.filter((one) => one.programDateTime !== null);
    const there = dated.findLast((one) => one.programDateTime <= date) ?? dated[0];
    if (!there) return null;
    return there.start + Math.min(Math.max(0, (date - there.programDateTime) / 1000), there.duration);
  }

  /** Date of the oldest picture that the playlist lists, ms since 1970; NaN while unknown. */
  get oldestDate() {
    return this.#hls.latestLevelDetails?.fragments[0]?.programDateTime ?? NaN;
  }

  #onError(error, events) {
    if (!error.fatal) return; // hls.js deals with it
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && this.#mediaErrors === 0) {
      this.#mediaErrors += 1; // a decoder gets one chance in place; the second time everything is built anew
      this.#hls.recoverMediaError();
      return;
    }
    events.onFatal(error.details);
  }

  /** Renditions with a picture that are offered, best first: `{ name, height, frameRate, bits }`. */
  get renditions() {
    return this.#offers
      .map((index) => this.#hls.levels[index])
      .map((level) => ({ name: nameOf(level), height: level.height, frameRate: level.frameRate, bits: level.bitrate }))
      .sort((a, b) => b.bits - a.bits);
  }

  /** The viewer's session that the master put into its playlists' addresses; null where it put none. */
  get session() {
    return sessionIn(this.#hls.levels[0]?.url[0] ?? this.#url);
  }

  /** Address of the sound alone; null where the stream has none of its own. */
  get audioUrl() {
    return this.#hls.allAudioTracks[0]?.url ?? null;
  }

  /** Name of the rendition on screen. */
  get rendition() {
    const level = this.#hls.levels[this.#hls.currentLevel];
    return level ? nameOf(level) : renditionOf(this.#url);
  }

  /** Plays the rendition of that name from the next segment on; `auto`, or one that is not offered, leaves it to the measured bandwidth. */
  choose(name) {
    this.#chosen = name;
    this.#hls.loadLevel = this.#offers.find((index) => nameOf(this.#hls.levels[index]) === name) ?? -1; // automatic
  }

  /**
   * Names of what the platform offers now. hls.js reads a live master once; a rendition that is taken out of it goes on for a while, in
   * which the picture moves to another one, and is taken again once it is back.
   */
  offer(names) {
    if (names.join() === this.#offered?.join()) return;
    this.#offered = names;
    if (this.#hls.levels.length) this.choose(this.#chosen);
  }

  /** Levels that are offered, the smallest first; all where the platform names none of them. */
  get #offers() {
    const levels = this.#hls?.levels ?? [];
    const all = [...levels.keys()];
    const offered = all.filter((index) => this.#offered?.includes(nameOf(levels[index])));
    return offered.length ? offered : all;
  }

  /** The level itself while it is offered, else the next smaller one that is, or the smallest; -1, for none yet, stays. */
  #nearest(level) {
    if (level < 0) return level;
    const offers = this.#offers;
    return offers.findLast((index) => index <= level) ?? offers[0] ?? level;
  }

  /** Date of the picture on screen by the publisher's clock, ms since 1970; NaN before the first. */
  get playingDate() {
    return this.#hls.playingDate?.getTime() ?? NaN;
  }

  /** Seconds behind the position that this mode aims at. */
  get behind() {
    return this.#hls.targetLatency === null ? NaN : this.#hls.latency - this.#hls.targetLatency;
  }

  /** Seconds between the playlist's end and the picture that this mode aims at. */
  get target() {
    return this.#hls.targetLatency ?? NaN;
  }

  /** Where the picture should be, seconds on the element's time line; null while unknown. */
  get livePosition() {
    return this.#hls.liveSyncPosition;
  }

  /** Seconds since the playlist last grew: beyond a few segments the publisher is away. */
  get playlistAge() {
    return this.#hls.latestLevelDetails?.age ?? 0;
  }

  /** Whether the playlist says that the stream is over. */
  get ended() {
    return this.#hls.latestLevelDetails?.live === false;
  }

  /** Address of the segment on screen, null while unknown. */
  get segmentUrl() {
    const details = this.#hls.latestLevelDetails;
    const time = this.#video.currentTime;
    const fragment = details?.fragments.find((one) => time >= one.start && time < one.start + one.duration);
    return fragment?.relurl ? fragment.url : null;
  }

  /** Measured, bit/s. */
  get bandwidth() {
    return this.#hls.bandwidthEstimate;
  }

  destroy() {
    this.#hls.destroy();
  }
}

/** Pages of what was: a VOD with its chat at `/videos/{id}`, a clip at `/clips/{id}`. */

import Hls from '../vendor/hls.min.mjs';
import { clip as fetchClip, vod as fetchVod } from './api.js';
import { replayPanel } from './chat/replay.js';
import { el, setText } from './dom.js';
import { ago, duration } from './format.js';

const LOOK_MS = 1000;
/** Segments loaded ahead of the picture, playing or not: at two seconds each they outlast a network that is away for 20 s, and whoever leaves wastes no more. */
const AHEAD = 10;

/** What an address names: `{ kind, id }`, or null for the pages of what is live. */
export function recordedRoute(path = location.pathname) {
  const [, kind, id] = /^\/(videos|clips)\/([\w-]+)$/.exec(path) ?? [];
  return kind ? { kind, id } : null;
}

const link = (login, name) => el('a', { href: `/${login}`, class: 'recorded__channel' }, name);

/** A view with `show(route)`, null hides it, and its elements for the page: `section`, `chat`. */
export function recordedView() {
  const video = el('video', { class: 'recorded__video', controls: true, playsinline: true, preload: 'auto' });
  const state = el('p', { class: 'recorded__state', role: 'status', hidden: true });
  const title = el('h1', { class: 'recorded__title' });
  const lines = el('p', { class: 'recorded__lines' });
  const stage = el('div', { class: 'recorded__stage' }, video, state);
  const section = el('section', { class: 'recorded', 'aria-label': 'Recording', hidden: true }, stage, el('div', { class: 'recorded__about' }, title, lines));
  const chat = replayPanel();
  let shown = null; // the route on screen
  let hls = null;
  let timer = 0;

  function say(words) {
    state.hidden = words === '';
    setText(state, words);
  }

  function stop() {
    clearTimeout(timer);
    hls?.destroy();
    hls = null;
    video.removeAttribute('src');
    video.removeAttribute('poster');
    video.load();
    chat.show(null, video);
    document.documentElement.classList.remove('with-chat');
  }

  function describe(name, login, display, began, milliseconds) {
    document.title = `${name} – Chronicast`;
    setText(title, name);
    lines.replaceChildren(link(login, display), ` · ${ago(Date.now() - Date.parse(began))} · ${duration(milliseconds / 1000)}`);
  }

  function playVod(vod) {
    describe(vod.title || `Stream of ${vod.login}`, vod.login, vod.login, vod.started_at, vod.duration_ms);
    video.poster = vod.thumbnail;
    if (Hls.isSupported()) {
      hls = new Hls({ workerPath: new URL('../vendor/hls.worker.js', import.meta.url).href });
      hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => {
        const seconds = AHEAD * details.targetduration;
        Object.assign(hls.config, { maxBufferLength: seconds, maxMaxBufferLength: seconds }); // the first alone is no limit below 60 MB
      });
      hls.on(Hls.Events.ERROR, (_, error) => error.fatal && say('The recording cannot be played. Load the page again in a moment.'));
      hls.loadSource(vod.playlist);
      hls.attachMedia(video);
    } else {
      video.src = vod.playlist;
    }
    chat.show(vod.vod_id, video);
    document.documentElement.classList.add('with-chat');
  }

  function playClip(clip) {
    describe(clip.title || `Clip of ${clip.display_name}`, clip.login, clip.display_name, clip.created_at, clip.duration_ms);
    if (clip.creator) lines.append(` · clipped by ${clip.creator}`);
    video.poster = clip.status === 'ready' ? `${clip.thumbnail}?ready` : clip.thumbnail;
    if (clip.status === 'ready') video.src = clip.video;
  }

  /** Shows what there is; a clip that is being made is looked for again. */
  async function load(route) {
    const { kind, id } = route;
    let found = null;
    try {
      found = await (kind === 'videos' ? fetchVod(id) : fetchClip(id));
    } catch {
      timer = setTimeout(() => load(route), LOOK_MS);
      say('The platform does not answer. Trying again …');
      return;
    }
    if (shown !== route) return; // the viewer went on meanwhile
    if (found === null) {
      setText(title, kind === 'videos' ? 'There is no such recording' : 'There is no such clip');
      say('It may have been deleted.');
    } else if (kind === 'videos') {
      say('');
      playVod(found);
    } else {
      playClip(found);
      say({ ready: '', failed: `This clip could not be made: ${found.cause}.`, processing: 'This clip is being made …' }[found.status]);
      if (found.status === 'processing') timer = setTimeout(() => load(route), LOOK_MS);
    }
  }

  function show(route) {
    if (route?.id === shown?.id && route?.kind === shown?.kind) return;
    if (shown !== null) stop();
    shown = route;
    section.hidden = route === null;
    if (route === null) return;
    setText(title, '');
    lines.replaceChildren();
    say('');
    load(route);
  }

  return { section, chat, show };
}

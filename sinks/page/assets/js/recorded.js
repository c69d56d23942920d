/** Pages of what was: a VOD with its chat at `/videos/{id}`, a clip at `/clips/{id}`. */

import Hls from '../vendor/hls.min.mjs';
import { channel as fetchChannel, clip as fetchClip, vod as fetchVod } from './api.js';
import { replayPanel } from './chat/replay.js';
import { el, setText } from './dom.js';
import { ago, duration } from './format.js';
import { Gate, through } from './gate.js';

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
  const cover = el('div', { class: 'player__cover', hidden: true });
  const stage = el('div', { class: 'recorded__stage' }, video, state, cover);
  const section = el('section', { class: 'recorded', 'aria-label': 'Recording', hidden: true }, stage, el('div', { class: 'recorded__about' }, title, lines));
  const chat = replayPanel();
  let shown = null; // the route on screen
  let hls = null;
  let timer = 0;
  let owner = null; // the channel that it is of
  let begin = null; // plays what is shown, once its channel is open to the viewer
  const gate = new Gate(() => enter());

  function say(words) {
    state.hidden = words === '';
    setText(state, words);
  }

  /** Plays once the gate is open; until then it says what it takes. */
  function enter() {
    gate.face(owner);
    if (gate.folder === null) {
      const { parts } = gate.cover;
      cover.hidden = parts === null;
      cover.replaceChildren(...(parts ?? []));
      return;
    }
    cover.hidden = true;
    begin?.();
    begin = null;
  }

  function stop() {
    clearTimeout(timer);
    owner = null;
    begin = null;
    gate.face(null);
    cover.hidden = true;
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
    video.poster = through(gate.folder, vod.thumbnail);
    if (Hls.isSupported()) {
      hls = new Hls({
        workerPath: new URL('../vendor/hls.worker.js', import.meta.url).href,
        xhrSetup: (xhr, url) => xhr.open('GET', through(gate.folder ?? '', url), true),
      });
      hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => {
        const seconds = AHEAD * details.targetduration;
        Object.assign(hls.config, { maxBufferLength: seconds, maxMaxBufferLength: seconds }); // the first alone is no limit below 60 MB
      });
      hls.on(Hls.Events.ERROR, (_, error) => error.fatal && say('The recording cannot be played. Load the page again in a moment.'));
      hls.loadSource(through(gate.folder, vod.playlist));
      hls.attachMedia(video);
    } else {
      video.src = through(gate.folder, vod.playlist);
    }
  }

  function playClip(clip) {
    video.poster = through(gate.folder, clip.status === 'ready' ? `${clip.thumbnail}?ready` : clip.thumbnail);
    if (clip.status === 'ready') video.src = through(gate.folder, clip.video);
  }

  /** Shows what there is; a clip that is being made is looked for again. */
  async function load(route) {
    const { kind, id } = route;
    let found = null;
    let of = null;
    try {
      found = await (kind === 'videos' ? fetchVod(id) : fetchClip(id));
      of = found && ((await fetchChannel(found.login)) ?? { login: found.login });
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
      describe(found.title || `Stream of ${found.login}`, found.login, found.login, found.started_at, found.duration_ms);
      chat.show(found.vod_id, video);
      document.documentElement.classList.add('with-chat');
      begin = () => playVod(found);
    } else {
      describe(found.title || `Clip of ${found.display_name}`, found.login, found.display_name, found.created_at, found.duration_ms);
      if (found.creator) lines.append(` · clipped by ${found.creator}`);
      begin = () => playClip(found);
      say({ ready: '', failed: `This clip could not be made: ${found.cause}.`, processing: 'This clip is being made …' }[found.status]);
      if (found.status === 'processing') timer = setTimeout(() => load(route), LOOK_MS);
    }
    owner = of;
    if (of !== null) enter();
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

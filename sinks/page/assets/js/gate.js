/** Channels that are not for everybody: who is let in, and by which pass their media are reached meanwhile. */

import { avatar } from './channels.js';
import { el } from './dom.js';
import { headers, signOut, user } from './session.js';
import { signInForm } from './sign-in.js';

/** Who was refused may have subscribed meanwhile. */
const REFUSED_MS = 15_000;
const UNREACHABLE_MS = 2000;
/** The part of a pass's life after which the next one is asked for: the rest is for a platform that is away. */
const RENEWED_AT = 2 / 3;

const agreed = new Set(); // channels for adults that the viewer wants to see

export const restricted = (channel) => Boolean(channel.mature || channel.subscribers_only);

/** Where an address is reached by a pass: `/~PASS/media/...`, whatever pass it had before; what is no address of media stays. */
export function through(folder, url) {
  const to = new URL(url, location.href);
  if (folder === '' || !/^(\/~[^/]+)?\/(live|media|vod|clips)\//.test(to.pathname)) return to.href;
  to.pathname = folder + to.pathname.replace(/^\/~[^/]+/, '');
  return to.href;
}

/** Asks for a pass: `{ folder, seconds }`, `{ refused: words }`; throws where the platform does not answer. */
async function ask(login, mature) {
  const response = await fetch(`/api/playback/${encodeURIComponent(login)}?mature=${mature}`, { headers: headers(), cache: 'no-store' });
  const body = await response.json();
  if (response.ok) return { folder: body.pass, seconds: body.expires_in };
  if (response.status === 401 || response.status === 403) return { refused: body.message };
  throw new Error(`/api/playback answered ${response.status}`);
}

/** One channel at a time. `folder` is what its addresses begin with: empty for a public channel, null while it is closed to the viewer. */
export class Gate {
  folder = null;

  #channel = null;
  #key = null;
  #refused = null; // the platform's words
  #timer = 0;
  #onChange;

  /** `onChange()` hears of a pass that came, was renewed, or is refused. */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Stands before a channel as the API tells it; null leaves it. */
  face(channel) {
    const key = channel && JSON.stringify([channel.login, channel.mature, channel.subscribers_only, agreed.has(channel.login), user()?.id]);
    this.#channel = channel;
    if (key === this.#key) return;
    this.#key = key;
    this.#refused = null;
    clearTimeout(this.#timer);
    this.folder = channel && !restricted(channel) ? '' : null;
    if (this.folder === null && channel && !this.#waits) this.#renew(key);
  }

  /** Whether the viewer has to do something first. */
  get #waits() {
    const { mature, subscribers_only: subscribers, login } = this.#channel;
    return (subscribers && !user()) || (mature && !agreed.has(login));
  }

  async #renew(key) {
    const { login, mature } = this.#channel;
    let next = UNREACHABLE_MS;
    try {
      const { folder, seconds, refused } = await ask(login, Boolean(mature));
      if (key !== this.#key) return;
      this.folder = folder ?? null;
      this.#refused = refused ?? null;
      next = refused ? REFUSED_MS : seconds * 1000 * RENEWED_AT;
      if (folder === '') next = Infinity; // public by now, as the next look will tell
      this.#onChange();
    } catch {
      if (key !== this.#key) return; // what there is plays on until it ends
    }
    if (Number.isFinite(next)) this.#timer = setTimeout(() => this.#renew(key), next);
  }

  /** What stands in the way, for a cover: `{ key, parts }`; no parts while the platform is being asked. */
  get cover() {
    const channel = this.#channel;
    const face = () => this.#onChange();
    if (channel.subscribers_only && !user()) return { key: `sign-in ${channel.login}`, parts: signInCover(channel, face) };
    if (this.#refused !== null) return { key: `${this.#refused} ${channel.login}`, parts: refusedCover(channel, this.#refused, face) };
    if (channel.mature && !agreed.has(channel.login)) {
      const agree = () => { agreed.add(channel.login); face(); };
      return { key: `mature ${channel.login}`, parts: matureCover(agree) };
    }
    return { key: 'asking', parts: null };
  }
}

/** What covers a stream for adults until the viewer agrees. */
const matureCover = (onAgree) => [
  el('h2', {}, 'For a mature audience'),
  el('p', {}, 'The broadcaster says that this stream may not be suitable for everyone.'),
  el('button', { type: 'button', class: 'button', onClick: onAgree }, 'Watch'),
];

const signInCover = (channel, onDone) => [
  avatar(channel, { class: 'avatar avatar--huge' }),
  el('h2', {}, `${channel.display_name} is for subscribers`),
  el('p', {}, 'Sign in as one to watch. Chat is open to all.'),
  signInForm(onDone),
];

const refusedCover = (channel, words, onDone) => [
  avatar(channel, { class: 'avatar avatar--huge' }),
  el('h2', {}, `${channel.display_name} is for subscribers`),
  el('p', {}, `${words}. Subscribe, and it plays by itself: `, el('code', {}, `./chronicast account subscribe ${user()?.login ?? 'NAME'} ${channel.login}`)),
  el('button', { type: 'button', class: 'button button--plain', onClick: () => { signOut(); onDone(); } }, 'Sign in as somebody else'),
];

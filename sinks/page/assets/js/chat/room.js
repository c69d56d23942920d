/** A channel's chat as this viewer is in it: who they are, its modes, what comes and what is asked (docs/reference/chat.md). */

import { ChatSocket } from './socket.js';

/** Ids that are known, so that nothing is shown twice: a resumed stream overlaps by no more than a gateway keeps. */
const KNOWN_IDS = 2000;

/**
 * Says `frame` (`{ events, skipped, history, reset }`), `changed` (state, modes, rights, user) and `trouble` (words).
 * `you` is null before the room has answered, `user` while signed out.
 */
export class Room extends EventTarget {
  login = null;
  channel = null;
  mode = {};
  you = null;
  user = null;
  #socket = new ChatSocket();
  #token = null;
  #at = null; // resume token: where the room's stream is
  #known = new Set();
  #asked = new Map(); // nonce → resolve
  #greeting = null; // who waits for the answer to `hello`
  #fresh = true; // the next frame begins the log anew
  #inside = false;
  #number = 0;

  constructor() {
    super();
    this.#socket.addEventListener('open', () => this.#greet());
    this.#socket.addEventListener('frame', ({ detail }) => this.#take(detail));
    this.#socket.addEventListener('state', () => this.#changed());
    this.#socket.addEventListener('lost', () => this.#lost());
  }

  /** `off`, `joining`, `live`, `reconnecting` or `full`. */
  get state() {
    const { state, full } = this.#socket;
    if (state === 'idle') return 'off';
    if (full) return 'full';
    if (this.#inside) return 'live';
    return this.#at === null ? 'joining' : 'reconnecting';
  }

  /** The viewer's access token; null while signed out. */
  get token() {
    return this.user === null ? null : this.#token;
  }

  get moderates() {
    return Boolean(this.you && (this.you.broadcaster || this.you.moderator));
  }

  /** Whether slow mode and the like do not hold for this viewer. */
  get exempt() {
    return this.moderates || Boolean(this.you?.vip);
  }

  enter(login) {
    if (login === this.login && this.#socket.state !== 'idle') return;
    if (login !== this.login) this.#forget();
    this.login = login;
    this.#socket.open();
  }

  leave() {
    if (this.#socket.state === 'idle') return;
    this.#lost();
    this.#socket.close();
  }

  /** Connects again as another. Resolves to the user, or to null where the token is refused; `token` null signs out. */
  become(token) {
    this.#greeting?.(null);
    this.#greeting = null;
    this.#token = token;
    this.user = null;
    this.#lost();
    const done = token === null ? Promise.resolve(null) : new Promise((resolve) => (this.#greeting = resolve));
    if (this.#socket.state !== 'idle') this.#socket.open();
    return done;
  }

  /** Resolves to `accepted` or `refused`, or to `{ type: 'lost' }` where the connection ended before. */
  say(text, { replyTo, action } = {}) {
    return this.#ask({ type: 'say', channel: this.login, text, reply_to: replyTo, action: action || undefined });
  }

  /** Resolves to `done` or `denied`, or to `{ type: 'lost' }`. */
  moderate(what, values = {}) {
    return this.#ask({ type: 'moderate', channel: this.login, do: what, ...values });
  }

  setColor(color) {
    return this.#ask({ type: 'color', color });
  }

  #ask(message) {
    if (this.state !== 'live') return Promise.resolve({ type: 'lost' });
    this.#number += 1;
    const nonce = `${this.#number}`;
    this.#socket.send({ ...message, nonce });
    return new Promise((resolve) => this.#asked.set(nonce, resolve));
  }

  #greet() {
    if (this.#token !== null) this.#socket.send({ type: 'hello', token: this.#token });
    this.#socket.send({ type: 'join', channel: this.login, resume: this.#at ?? undefined });
  }

  #take(frame) {
    const { type } = frame;
    if (type === 'room') this.#events(frame);
    else if (type === 'joined') this.#joined(frame);
    else if (type === 'welcome') this.#welcome(frame.user);
    else if (type === 'error') this.#error(frame);
    else if (this.#asked.has(frame.nonce)) {
      this.#asked.get(frame.nonce)(frame);
      this.#asked.delete(frame.nonce);
    }
  }

  #welcome(user) {
    this.user = user;
    this.#greeting?.(user);
    this.#greeting = null;
    this.#changed();
  }

  #error({ code, text }) {
    if (code === 'restart') return; // the close that follows says so too
    this.#greeting?.(null);
    this.#greeting = null;
    this.dispatchEvent(new CustomEvent('trouble', { detail: text }));
  }

  #joined({ channel, mode, you, resumed }) {
    this.#socket.settled();
    this.channel = channel;
    this.mode = mode;
    this.you = you;
    this.#inside = true;
    this.#fresh = !resumed;
    if (!resumed) this.#known.clear();
    this.#changed();
  }

  #events({ channel, at, events, skipped = 0, history = false }) {
    if (channel !== this.channel?.id) return; // the last words of a room that was left
    this.#at = at;
    const reset = this.#fresh;
    this.#fresh = false;
    const news = events.filter((event) => this.#isNew(event));
    for (const event of news) this.#notice(event);
    this.dispatchEvent(new CustomEvent('frame', { detail: { events: news, skipped, history, reset } }));
  }

  #isNew({ type, id }) {
    if (type !== 'message' && type !== 'notice') return true;
    if (this.#known.has(id)) return false;
    this.#known.add(id);
    if (this.#known.size > KNOWN_IDS) this.#known.delete(this.#known.values().next().value);
    return true;
  }

  /** What an event changes for this viewer and the room. */
  #notice(event) {
    if (event.type === 'mode') {
      const { type, automatic, ...changed } = event;
      this.mode = { ...this.mode, ...changed, auto_slow: 'slow_seconds' in changed ? Boolean(automatic) : this.mode.auto_slow };
    } else if (event.type === 'role' && event.user.id === this.user?.id) {
      this.you = { ...this.you, [event.role]: event.granted };
    } else return;
    this.#changed();
  }

  #lost() {
    this.#inside = false;
    for (const resolve of this.#asked.values()) resolve({ type: 'lost' });
    this.#asked.clear();
    this.#changed();
  }

  #forget() {
    this.#at = null;
    this.#known.clear();
    this.#fresh = true;
    this.channel = null;
    this.mode = {};
    this.you = null;
  }

  #changed() {
    this.dispatchEvent(new Event('changed'));
  }
}

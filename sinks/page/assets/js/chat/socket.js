/** A WebSocket that comes back: exponential backoff with jitter, and a ping that finds out when nobody is there any more. */

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
/** Close codes of docs/reference/chat.md: the gateway restarts, and clients come back within 5 s; it is full. */
const RESTARTS = 1012;
const FULL = 1013;
const RESTART_MS = 5000;
const FULL_MS = 8000;
/** Quiet for so long: ask. Quiet for so long after that: the connection is dead. */
const ASK_MS = 25_000;
const DEAD_MS = 10_000;

/** Says `open`, `frame` (with the object), `lost` (with the close code), `state`. */
export class ChatSocket extends EventTarget {
  /** `idle`, `connecting`, `open`, or `waiting` for the next try. */
  state = 'idle';
  /** Whether the platform said that it is full. */
  full = false;
  #socket = null;
  #tries = 0;
  #timer = 0;
  #watch = 0;
  #nonce = 0;

  constructor() {
    super();
    addEventListener('online', () => this.state === 'waiting' && this.open());
  }

  open() {
    this.#drop();
    const url = new URL('/chat', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.addEventListener('open', () => {
      if (socket !== this.#socket) return;
      this.full = false;
      this.#become('open');
      this.dispatchEvent(new Event('open'));
      this.#attend();
    });
    socket.addEventListener('message', ({ data }) => socket === this.#socket && this.#receive(data));
    socket.addEventListener('close', ({ code }) => socket === this.#socket && this.#lose(code));
    this.#become('connecting');
  }

  /** Ends it, until `open` is called again. */
  close() {
    this.#drop();
    this.#tries = 0;
    this.#become('idle');
  }

  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** What came in order: the next wait begins small again. */
  settled() {
    this.#tries = 0;
  }

  #receive(data) {
    this.#attend();
    const frame = JSON.parse(data);
    if (frame.type !== 'pong') this.dispatchEvent(new CustomEvent('frame', { detail: frame }));
  }

  #attend() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.#nonce += 1;
      this.send({ type: 'ping', nonce: String(this.#nonce) });
      this.#watch = setTimeout(() => this.#lose(0), DEAD_MS);
    }, ASK_MS);
  }

  #lose(code) {
    this.#drop();
    this.full = code === FULL;
    const most = code === RESTARTS ? RESTART_MS : Math.min(LONGEST_MS, (this.full ? FULL_MS : FIRST_MS) * 2 ** this.#tries);
    this.#tries += 1;
    // All who were cut off at once come back spread out; never at once, so that a server that refuses is not asked without end.
    this.#timer = setTimeout(() => this.open(), most * (0.3 + 0.7 * Math.random()));
    this.#become('waiting');
    this.dispatchEvent(new CustomEvent('lost', { detail: code }));
  }

  #drop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}

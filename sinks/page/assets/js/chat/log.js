/** The lines of a chat: bounded, drawn once a frame, at the bottom unless the viewer scrolls up. */

import { el, icon } from '../dom.js';
import { changeLine, messageLine, noticeLine, systemLine } from './line.js';

/** Lines that are kept: more than ten screens. */
const LINES = 300;
/** Nearer to the bottom than this counts as there. */
const NEAR_PX = 48;
/** Above this rate a screen reader is not told of each line: it could never end. */
const SPOKEN_PER_S = 4;

/** Stands where the words of a message were that was taken away. */
const TAKEN = 'message deleted';

const isLine = ({ type }) => type === 'message' || type === 'notice';

/** `room` says who the viewer is. Says `shown` (with the events of new lines) and `paused`. */
export class ChatLog extends EventTarget {
  #room;
  #shown = new Map(); // id → { event, node }
  #queue = [];
  #held = []; // lines that came while the viewer reads further up
  #paused = false;
  #frame = 0;
  #top = 0; // scrollTop when last looked at
  #rate = { since: 0, lines: 0 };

  constructor(room) {
    super();
    this.#room = room;
    this.list = el('div', { class: 'log', role: 'log', 'aria-label': 'Chat messages', 'aria-live': 'polite', tabindex: '0' });
    this.newer = el('button', { type: 'button', class: 'log__newer', hidden: true, onClick: () => this.resume() }, icon('down'), el('span', {}, 'Newest messages'));
    this.element = el('div', { class: 'chat__log' }, this.list, this.newer);
    this.list.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.list.addEventListener('keydown', (event) => this.#walk(event));
    new ResizeObserver(() => this.#paused || this.#toBottom()).observe(this.list);
  }

  /** Takes what a frame brought; `reset` begins anew. */
  take({ events, reset }) {
    if (reset) this.#queue = [{ type: 'reset' }];
    this.#queue.push(...events);
    if (this.#queue.length > LINES) this.#draw(); // a page in the background gets no frames
    else this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** Says something to this viewer alone. */
  say(text) {
    this.take({ events: [{ type: 'system', text }] });
  }

  clear() {
    this.#queue = [];
    this.#empty();
    this.resume();
  }

  /** Goes to the newest line and follows again. */
  resume() {
    this.#paused = false;
    this.#append(this.#held.splice(0));
    this.#toBottom();
    this.#showNewer();
  }

  event(id) {
    return this.#shown.get(id)?.event;
  }

  /** What a user wrote that is shown, oldest first. */
  of(userId) {
    return [...this.#shown.values()].map(({ event }) => event).filter((event) => event.type === 'message' && event.user.id === userId);
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const events = this.#queue.splice(0);
    let lines = [];
    for (const event of events) {
      if (isLine(event) || event.type === 'system') lines.push(event);
      else {
        this.#add(lines);
        lines = [];
        this.#change(event);
      }
    }
    this.#add(lines);
    if (!this.#paused) this.#toBottom();
    this.#showNewer();
    this.#speak(events.filter(isLine).length);
    this.dispatchEvent(new CustomEvent('shown', { detail: events }));
  }

  #add(lines) {
    if (!this.#paused) this.#append(lines);
    else {
      this.#held.push(...lines);
      this.#held.splice(0, this.#held.length - LINES);
    }
  }

  #append(events) {
    const news = document.createDocumentFragment();
    for (const event of events.slice(-LINES)) {
      const node = this.#line(event);
      if (event.id) this.#shown.set(event.id, { event, node });
      news.append(node);
    }
    this.list.append(news);
    while (this.list.childElementCount > LINES) {
      const oldest = this.list.firstElementChild;
      this.#shown.delete(oldest.dataset.id);
      oldest.remove();
    }
  }

  #line(event) {
    if (event.type === 'message') return messageLine(event, this.#room.user);
    return event.type === 'notice' ? noticeLine(event, this.#room.user) : systemLine(event.text);
  }

  #change(event) {
    if (event.type === 'reset') {
      const cut = this.#shown.size > 0;
      this.#empty();
      if (cut) this.#append([{ type: 'system', text: 'The connection was away for long. Chat goes on here.' }]);
      return;
    }
    if (event.type === 'deleted') this.#take((one) => one.id === event.id);
    else if (event.type === 'silenced') this.#take((one) => one.user?.id === event.user.id);
    else if (event.type === 'cleared') this.#take(() => true);
    const said = changeLine(event, this.#room.user);
    if (said) this.#addNode(said);
  }

  #addNode(node) {
    if (this.#paused) this.#held.push({ type: 'system', text: node.textContent });
    else this.list.append(node);
  }

  /** Takes away what was moderated, and what quotes it. Moderators still see that, and what, it was. */
  #take(gone) {
    this.#held = this.#held.filter((one) => !isLine(one) || !gone(one)).map((one) => (one.reply && gone(one.reply) ? { ...one, reply: { ...one.reply, text: TAKEN } } : one));
    for (const [id, { event, node }] of this.#shown) {
      if (event.reply && gone(event.reply)) node.querySelector('.line__quoted').textContent = `${event.reply.user.name}: ${TAKEN}`;
      if (!gone(event)) continue;
      if (this.#room.moderates && event.type === 'message') node.classList.add('line--deleted');
      else {
        node.remove();
        this.#shown.delete(id);
      }
    }
  }

  #empty() {
    this.#shown.clear();
    this.#held = [];
    this.list.replaceChildren();
  }

  #toBottom() {
    this.list.scrollTop = this.list.scrollHeight;
    this.#top = this.list.scrollTop;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    const there = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    const upwards = scrollTop < this.#top; // a list that only changed its size is not being read
    this.#top = scrollTop;
    if (there && this.#paused) this.resume();
    else if (!there && upwards && !this.#paused) {
      this.#paused = true;
      this.#showNewer();
    }
  }

  #showNewer() {
    const count = this.#held.filter(isLine).length;
    this.newer.hidden = !this.#paused;
    const words = count === 0 ? 'Paused while you read' : `${count >= LINES ? `${LINES}+` : count} new ${count === 1 ? 'message' : 'messages'}`;
    this.newer.lastElementChild.textContent = words;
  }

  #speak(lines) {
    const now = performance.now();
    this.#rate.lines += lines;
    if (now - this.#rate.since < 1000) return;
    this.list.setAttribute('aria-live', this.#rate.lines > SPOKEN_PER_S ? 'off' : 'polite');
    this.#rate = { since: now, lines: 0 };
  }

  /** Arrow keys go from line to line. */
  #walk(event) {
    const lines = [...this.list.children];
    const at = lines.indexOf(document.activeElement.closest('.line'));
    const moves = { ArrowUp: at < 0 ? lines.length - 1 : at - 1, ArrowDown: at + 1, Home: 0, End: lines.length - 1 };
    if (!(event.key in moves) || event.target.closest('[role=menu]')) return;
    lines[moves[event.key]]?.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}

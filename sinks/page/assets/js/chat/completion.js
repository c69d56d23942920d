/** Suggestions while typing: people after `@`, emotes after `:`, commands after `/` (WAI-ARIA listbox of a text box). */

import { el } from '../dom.js';
import { commands } from './commands.js';
import { GLOBAL, SUBSCRIBERS } from './emotes.js';
import { emoteImage } from './pictures.js';

const MOST = 7;

/** `people()` gives those who wrote lately, the last first. */
export class Completion {
  #field;
  #room;
  #people;
  #chosen = 0;
  #found = [];

  constructor(field, room, people) {
    this.#field = field;
    this.#room = room;
    this.#people = people;
    this.element = el('div', { class: 'completion', id: 'chat-completion', role: 'listbox', 'aria-label': 'Suggestions', hidden: true });
    field.setAttribute('aria-autocomplete', 'list');
    field.setAttribute('aria-controls', 'chat-completion');
    field.addEventListener('input', () => this.#show());
    field.addEventListener('blur', () => this.hide());
  }

  /** Takes a key for the list, if it is one. */
  key(event) {
    if (this.element.hidden) return false;
    const moves = { ArrowDown: 1, ArrowUp: this.#found.length - 1 };
    if (event.key in moves) this.#choose((this.#chosen + moves[event.key]) % this.#found.length);
    else if (event.key === 'Escape') this.hide();
    else if (event.key === 'Tab' || (event.key === 'Enter' && !this.#complete())) this.#insert(this.#found[this.#chosen]);
    else return false;
    return true;
  }

  hide() {
    this.element.hidden = true;
    this.#field.removeAttribute('aria-activedescendant');
  }

  /** The word before the cursor. */
  #word() {
    const before = this.#field.value.slice(0, this.#field.selectionStart);
    return /(?:^|\s)([@:/][^\s]*)$/.exec(before)?.[1] ?? '';
  }

  /** Whether the word is a whole command: Enter then runs it. */
  #complete() {
    return this.#found[this.#chosen]?.insert.trim() === this.#word();
  }

  #suggestions() {
    const word = this.#word();
    const rest = word.slice(1).toLowerCase();
    if (word.startsWith('@')) {
      const found = this.#people().filter(({ login, name }) => login.startsWith(rest) || name.toLowerCase().startsWith(rest));
      return found.map(({ login, name }) => ({ insert: `@${login} `, parts: [name, name.toLowerCase() === login ? '' : login] }));
    }
    if (word.startsWith(':') && rest.length > 1) {
      const known = this.#room.you?.subscriber ? { ...GLOBAL, ...SUBSCRIBERS } : GLOBAL;
      const found = Object.entries(known).filter(([code, id]) => code.toLowerCase().includes(rest) || id.startsWith(rest));
      return found.map(([code, id]) => ({ insert: `${code} `, parts: [emoteImage(id, code), code] }));
    }
    if (word.startsWith('/') && this.#field.value.startsWith(word)) {
      return commands(this.#room, rest).map(({ name, usage, what }) => ({ insert: `/${name} `, parts: [`/${name}`, usage ? `${usage} – ${what}` : what] }));
    }
    return [];
  }

  #show() {
    this.#found = this.#suggestions().slice(0, MOST);
    this.element.hidden = this.#found.length === 0;
    if (this.element.hidden) return this.hide();
    this.element.replaceChildren(
      ...this.#found.map((one, at) => {
        const [first, second] = one.parts;
        const option = el('div', { role: 'option', id: `chat-completion-${at}`, class: 'completion__option' }, el('span', {}, first), el('span', { class: 'completion__note' }, second));
        option.addEventListener('pointerdown', (event) => {
          event.preventDefault(); // the field keeps the focus
          this.#insert(one);
        });
        return option;
      }),
    );
    return this.#choose(0);
  }

  #choose(at) {
    this.#chosen = at;
    for (const [number, option] of [...this.element.children].entries()) option.setAttribute('aria-selected', String(number === at));
    this.#field.setAttribute('aria-activedescendant', `chat-completion-${at}`);
  }

  #insert({ insert }) {
    const end = this.#field.selectionStart;
    this.#field.setRangeText(insert, end - this.#word().length, end, 'end');
    this.hide();
    this.#field.dispatchEvent(new Event('input'));
  }
}

/** The search box in the header (WAI-ARIA combobox with a list of suggestions). */

import { live } from './api.js';
import { avatar, subject } from './channels.js';
import { el, icon } from './dom.js';
import { count } from './format.js';
import { helix, user } from './session.js';

/** Suggestions; more are on the page that Enter leads to. */
const MOST = 6;
/** A pause in typing: about the time between two letters of a quick typist. */
const PAUSE_MS = 120;

const listed = (row) => ({ login: row.broadcaster_login, display_name: row.display_name, live: row.is_live, title: row.title, category: row.game_name, language: row.broadcaster_language, channel_id: row.id });

/** Channels for a text, live ones first. Who is signed in searches all channels; the API is not for others, who search what is live. */
export async function find(text) {
  const here = (await live({ query: text.slice(0, 100) })).channels;
  if (!user()) return here;
  const { status, body } = await helix(`search/channels?${new URLSearchParams({ query: text.slice(0, 100) })}`);
  if (status !== 200) return here;
  const known = new Set(here.map(({ login }) => login));
  return [...here, ...body.data.map(listed).filter(({ login }) => !known.has(login))];
}

function option(channel, n) {
  return el(
    'li',
    { id: `found-${n}`, role: 'option', class: 'found', 'aria-selected': 'false', 'data-href': `/${channel.login}` },
    avatar(channel),
    el('span', { class: 'found__text' }, el('span', { class: 'found__name' }, channel.display_name), el('span', { class: 'found__subject' }, channel.live ? subject(channel) : 'Offline')),
    channel.live && el('span', { class: 'found__viewers' }, el('span', { class: 'rail__dot' }), count(channel.viewers), el('span', { class: 'visually-hidden' }, ' watching, live')),
  );
}

/** A form for the header; `go(address)` shows a page. */
export function searchBox(go) {
  const list = el('ul', { id: 'found', class: 'search__list', role: 'listbox', 'aria-label': 'Channels', hidden: true });
  const input = el('input', {
    type: 'search', class: 'search__input', placeholder: 'Search', maxlength: '100', autocomplete: 'off', spellcheck: 'false', enterkeyhint: 'search',
    role: 'combobox', 'aria-label': 'Search channels (/)', 'aria-expanded': 'false', 'aria-controls': 'found', 'aria-autocomplete': 'list',
  });
  const form = el('form', { class: 'search', role: 'search' }, input, el('button', { type: 'submit', class: 'search__button', 'aria-label': 'Search' }, icon('search')), list);
  let [chosen, timer, asked] = [-1, 0, 0];

  const choose = (n) => {
    chosen = n;
    [...list.children].forEach((one, place) => one.setAttribute('aria-selected', String(place === n)));
    if (n < 0) input.removeAttribute('aria-activedescendant');
    else input.setAttribute('aria-activedescendant', `found-${n}`);
    list.children[n]?.scrollIntoView({ block: 'nearest' });
  };
  const open = (on) => {
    list.hidden = !on;
    input.setAttribute('aria-expanded', String(on));
    choose(-1);
    if (!on) list.replaceChildren();
  };
  const close = () => {
    clearTimeout(timer);
    asked += 1; // what is still on its way comes too late
    open(false);
  };
  const leave = (address) => {
    close();
    input.blur();
    go(address);
  };
  async function suggest() {
    const text = input.value.trim();
    asked += 1;
    const mine = asked;
    const found = text ? await find(text).catch(() => []) : [];
    if (mine !== asked) return;
    list.replaceChildren(...found.slice(0, MOST).map(option));
    if (text && found.length === 0) list.append(el('li', { class: 'found found--none', role: 'presentation' }, 'No channel is called so'));
    open(text !== '');
  }

  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, PAUSE_MS);
  });
  input.addEventListener('keydown', (event) => {
    const size = list.querySelectorAll('[role=option]').length;
    if (event.key === 'Escape') {
      if (list.hidden) input.value = '';
      close();
    } else if (event.key === 'ArrowDown' && list.hidden) suggest();
    else if (event.key === 'ArrowDown' && size) choose((chosen + 1) % size);
    else if (event.key === 'ArrowUp' && size) choose(chosen <= 0 ? size - 1 : chosen - 1);
    else return;
    event.preventDefault();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (chosen >= 0) leave(list.children[chosen].dataset.href);
    else if (text) leave(`/browse?${new URLSearchParams({ q: text })}`);
    else input.focus();
  });
  list.addEventListener('pointerdown', (event) => event.preventDefault()); // the focus stays in the box
  list.addEventListener('click', (event) => {
    const { href } = event.target.closest('[role=option]')?.dataset ?? {};
    if (href) leave(href);
  });
  form.addEventListener('focusout', (event) => form.contains(event.relatedTarget) || close());
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.('input, textarea, [contenteditable], dialog')) return;
    event.preventDefault();
    input.focus();
  });
  return form;
}

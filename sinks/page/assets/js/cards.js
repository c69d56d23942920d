/** Cards of channels. One that is shown already stays the same element, so that focus and picture outlast a refresh. */

import { avatar, subject, tags } from './channels.js';
import { el, setText } from './dom.js';
import { count, hue, initials } from './format.js';
import { keepStill } from './still.js';

function card(channel, onOpen) {
  let shown = channel;
  const canvas = el('canvas', { class: 'card__still', hidden: true });
  const badge = el('span', { class: 'badge' });
  const viewers = el('span', { class: 'card__viewers' });
  const picture = el('div', { class: 'card__picture' }, el('span', { class: 'card__initials', 'aria-hidden': 'true' }, initials(channel.display_name)), canvas, badge, viewers);
  picture.style.setProperty('--hue', String(hue(channel.login)));
  const title = el('span', { class: 'card__title' });
  const about = el('span', { class: 'tags' });
  const why = el('span', { class: 'card__why' });
  const node = el(
    'a',
    { href: `/${channel.login}`, class: 'card', onClick: () => onOpen(shown) },
    picture,
    el('div', { class: 'card__text' }, avatar(channel), el('div', { class: 'card__lines' }, title, el('span', { class: 'card__name' }, channel.display_name), about, why)),
  );
  keepStill(canvas, () => shown);
  node.show = (next, words) => {
    shown = next;
    if (!next.live) canvas.hidden = true;
    badge.classList.toggle('badge--live', next.live);
    badge.classList.toggle('badge--offline', !next.live);
    setText(badge, next.live ? 'Live' : 'Offline');
    viewers.hidden = !next.live || next.viewers === undefined;
    setText(viewers, `${count(next.viewers ?? 0)} watching`);
    setText(title, next.live ? subject(next) : next.title || 'Offline');
    const marks = tags(next);
    if (marks.map((one) => one.textContent).join() !== [...about.children].map((one) => one.textContent).join()) about.replaceChildren(...marks);
    why.hidden = !words;
    setText(why, words ?? '');
  };
  return node;
}

/** A grid with `show(channels, why)`; `why(channel)` gives words under a card, `onOpen(channel)` hears of the one that is opened. */
export function cardGrid({ row = false, onOpen = () => {} } = {}) {
  const known = new Map();
  const grid = el('div', { class: row ? 'cards cards--row' : 'cards' });
  grid.show = (channels, why = () => '') => {
    const wanted = new Set(channels.map(({ login }) => login));
    for (const [login, node] of known) {
      if (!wanted.has(login)) {
        node.remove();
        known.delete(login);
      }
    }
    channels.forEach((channel, place) => {
      if (!known.has(channel.login)) known.set(channel.login, card(channel, onOpen));
      const node = known.get(channel.login);
      node.show(channel, why(channel));
      if (grid.children[place] !== node) grid.insertBefore(node, grid.children[place] ?? null);
    });
  };
  return grid;
}

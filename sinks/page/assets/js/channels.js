/** Channels as lists show them: the rail beside the page, and what cards are made of. */

import { el } from './dom.js';
import { count, hue, initials, language } from './format.js';

/** A round stand-in for a channel's picture. */
export function avatar(channel, attributes = {}) {
  const node = el('span', { class: 'avatar', 'aria-hidden': 'true', ...attributes }, initials(channel.display_name));
  node.style.setProperty('--hue', String(hue(channel.login)));
  return node;
}

export const liveBadge = () => el('span', { class: 'badge badge--live' }, 'Live');

/** What the stream is about, or the channel's own words for it. */
export const subject = (channel) => channel.title || channel.category || 'Live stream';

function railItem(channel, current) {
  return el(
    'li',
    {},
    el(
      'a',
      { href: `/${channel.login}`, class: 'rail__item', 'aria-current': channel.login === current ? 'page' : null, title: channel.display_name },
      avatar(channel),
      el('span', { class: 'rail__text' }, el('span', { class: 'rail__name' }, channel.display_name), el('span', { class: 'rail__subject' }, channel.category || subject(channel))),
      el('span', { class: 'rail__dot' }, el('span', { class: 'visually-hidden' }, 'live')),
      el('span', { class: 'rail__viewers' }, count(channel.viewers), el('span', { class: 'visually-hidden' }, ' watching')),
    ),
  );
}

/** Fills the rail with the channels that are live. */
export function fillRail(list, channels, current) {
  const items = channels.map((channel) => railItem(channel, current));
  list.replaceChildren(...(items.length ? items : [el('li', { class: 'rail__empty' }, 'Nobody is live right now')]));
}

/** Category, language and audience. */
export function tags(channel) {
  const words = [channel.category, channel.language && language(channel.language), channel.subscribers_only && 'Subscribers', channel.mature && 'Mature'];
  return words.filter(Boolean).map((word) => el('span', { class: 'tag' }, word));
}

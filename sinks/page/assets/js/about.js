/** What stands beside the picture: whose stream it is, what it is about, for how long it has been live. */

import { avatar, liveBadge, subject, tags } from './channels.js';
import { serverNow } from './clock.js';
import { el, icon, setText } from './dom.js';
import { ago, count, duration } from './format.js';

const REFRESH_MS = 1000;

/** A section with `show(channel, onStartPage)`; null empties it. */
export function aboutSection() {
  const section = el('section', { class: 'about', 'aria-label': 'About this stream' });
  let uptime = null;
  let startedAt = NaN;

  setInterval(() => {
    if (uptime && Number.isFinite(startedAt)) setText(uptime, duration((serverNow() - startedAt) / 1000));
  }, REFRESH_MS);

  section.show = (channel, onStartPage) => {
    section.hidden = channel === null;
    if (channel === null) return;
    startedAt = Date.parse(channel.started_at ?? '');
    uptime = channel.live ? el('span', { class: 'about__uptime', title: 'Live for' }, Number.isFinite(startedAt) ? duration((serverNow() - startedAt) / 1000) : '') : null;
    const partner = channel.tier === 'partner' && el('span', { class: 'about__partner', title: 'Partner' }, icon('check'), el('span', { class: 'visually-hidden' }, 'Partner'));
    const name = el('h1', { class: 'about__name' }, onStartPage ? el('a', { href: `/${channel.login}` }, channel.display_name) : channel.display_name, partner);
    section.replaceChildren(
      avatar(channel, { class: channel.live ? 'avatar avatar--large avatar--live' : 'avatar avatar--large' }),
      el(
        'div',
        { class: 'about__lines' },
        name,
        el('p', { class: 'about__title' }, channel.live ? subject(channel) : 'Offline'),
        el('div', { class: 'tags' }, tags(channel)),
      ),
      el('div', { class: 'about__side' }, channel.live && liveBadge(), channel.live && viewers(channel), uptime, onStartPage && el('a', { href: `/${channel.login}`, class: 'button' }, 'Watch')),
    );
  };
  return section;
}

const viewers = ({ viewers: now }) => el('span', { class: 'about__viewers', title: 'Watching now' }, `${count(now)} watching`);

/** What covers the player of a channel that is not live. */
export function offlineCover(channel) {
  const ended = Date.parse(channel.ended_at ?? '');
  const seen = Number.isFinite(ended) ? `Last live ${ago(serverNow() - ended)}.` : 'It has not been live yet.';
  return [
    avatar(channel, { class: 'avatar avatar--huge' }),
    el('h2', {}, `${channel.display_name} is offline`),
    el('p', {}, `${seen} This page starts to play when the stream does.`),
  ];
}

/** What covers the player where nobody has that name. */
export const unknownCover = (login) => [
  el('h2', {}, 'No such channel'),
  el('p', {}, `Nobody is called “${login}” here.`),
  el('a', { href: '/', class: 'button' }, 'See who is live'),
];

/** What covers the start page's player where nobody is live. */
export const quietCover = () => [el('h2', {}, 'Nobody is live right now'), el('p', {}, 'The next stream appears here by itself as soon as it starts.')];

/** What the log shows of a message, a notice, or a change of the room. */

import { el, icon } from '../dom.js';
import { paint } from './colors.js';
import { describeMode } from './modes.js';
import { badgeImage } from './pictures.js';
import { mentions, rich } from './text.js';

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });

export const badges = (list) => (list ?? []).map(badgeImage).filter(Boolean);

/** A person's name in their colour; a press opens their card. */
export function nameButton(user, attributes = {}) {
  const button = el('button', { type: 'button', class: 'line__name', tabindex: '-1', 'data-card': user.id, ...attributes }, user.name);
  if (user.login !== user.name.toLowerCase()) button.title = user.login; // a name in another script
  paint(button, user.color);
  return button;
}

const place = (event, kind) => ({ class: `line ${kind}`, tabindex: '-1', 'data-id': event.id, 'data-user': event.user?.id, title: event.at ? clock.format(event.at) : null });

function quote(reply) {
  const words = el('span', { class: 'line__quoted' }, `${reply.user.name}: ${reply.text}`);
  return el('span', { class: 'line__reply' }, icon('reply'), el('span', { class: 'visually-hidden' }, 'In reply to '), words);
}

/** `me`: the viewer, or null. */
export function messageLine(event, me) {
  const { user, text, action, reply, first } = event;
  const mine = me && user.id !== me.id && (reply?.user.id === me.id || mentions(text, me.login));
  const words = el('span', { class: 'line__text' }, rich(text, event.emotes, me?.login));
  if (action) paint(words, user.color);
  return el(
    'div',
    place(event, `line--message${action ? ' line--action' : ''}${mine ? ' line--mine' : ''}`),
    first && el('span', { class: 'line__first' }, 'First message here'),
    reply && quote(reply),
    el('span', { class: 'line__badges' }, badges(event.badges)),
    nameButton(user),
    el('span', {}, action ? ' ' : ': '),
    words,
  );
}

const PLANS = { tier1: 'Tier 1', tier2: 'Tier 2', tier3: 'Tier 3', prime: 'Prime' };
const plan = (event) => (PLANS[event.plan] ? ` (${PLANS[event.plan]})` : '');
const giver = (gifter) => gifter?.name ?? gifter?.login ?? (typeof gifter === 'string' ? gifter : 'Somebody');

const SAYS = {
  sub: (event) => [' subscribed', plan(event), '.'],
  resub: (event) => [` has been a subscriber for ${event.months} months`, plan(event), '.'],
  subgift: (event) => [' was given a subscription by ', el('strong', {}, giver(event.gifter)), plan(event), '.'],
  raid: (event) => [` is raiding with ${event.viewers} ${event.viewers === 1 ? 'viewer' : 'viewers'}.`],
};
const ICONS = { sub: 'star', resub: 'star', subgift: 'gift', raid: 'raid', announcement: 'megaphone' };
const ACCENTS = ['primary', 'blue', 'green', 'orange', 'purple'];

/** A subscription, a raid, an announcement. */
export function noticeLine(event, me) {
  const { kind, user } = event;
  const words = event.text && el('span', { class: 'line__text' }, rich(event.text, event.emotes, me?.login));
  const accent = ACCENTS.includes(event.accent) ? event.accent : 'primary';
  const head = kind === 'announcement' ? ['Announcement'] : [nameButton(user), ...(SAYS[kind]?.(event) ?? [])];
  return el(
    'div',
    place(event, `line--notice line--${Object.hasOwn(ICONS, kind) ? kind : 'other'} accent--${accent}`),
    icon(ICONS[kind] ?? 'star'),
    el('div', { class: 'line__notice-head' }, head),
    words && el('div', { class: 'line__said' }, el('span', { class: 'line__badges' }, badges(event.badges)), nameButton(user), ': ', words),
  );
}

/** Words of the platform itself. */
export const systemLine = (text) => el('div', { class: 'line line--system' }, text);

/** What is said of a change of the room; null where nothing is. */
export function changeLine(event, me) {
  if (event.type === 'mode') {
    const said = describeMode(event);
    return said.length ? systemLine(said.join(' ')) : null;
  }
  if (event.type === 'cleared') return systemLine('A moderator cleared the chat.');
  if (event.type === 'role' && event.user.id === me?.id) {
    const role = event.role === 'vip' ? 'a VIP' : 'a moderator';
    return systemLine(event.granted ? `You are ${role} of this channel now.` : `You are not ${role} of this channel any more.`);
  }
  return null;
}

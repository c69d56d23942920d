/** Pictures of emotes and badges. Where there is none, words stand in. */

import { el } from '../dom.js';

const address = (name) => new URL(`../../${name}.svg`, import.meta.url).href;
const SAFE = /^[\w-]{1,64}$/;

/** Months from which a subscriber's badge has another picture; its version is the step that was reached. */
const STEPS = [24, 12, 6, 3, 0];

const TITLES = {
  broadcaster: () => 'Broadcaster',
  moderator: () => 'Moderator',
  vip: () => 'VIP',
  subscriber: (version) => (version > 0 ? `Subscriber for ${version} months or more` : 'Subscriber'),
  premium: () => 'Premium',
  partner: () => 'Partner',
};

/** An emote as a picture; its code for those who cannot see it, and where the picture does not load. */
export function emoteImage(id, code) {
  if (!SAFE.test(id)) return code;
  const image = el('img', { class: 'emote', src: address(`emotes/${id}`), alt: code, title: code, width: '28', height: '28', decoding: 'async', draggable: 'false' });
  image.addEventListener('error', () => image.replaceWith(code), { once: true });
  return image;
}

/** A badge, given as `set/version`; null for a set that this page does not know. */
export function badgeImage(badge) {
  const [set, version] = badge.split('/');
  if (!Object.hasOwn(TITLES, set)) return null;
  const months = Number(version);
  const title = TITLES[set](months);
  const picture = set === 'subscriber' ? `subscriber-${STEPS.find((step) => months >= step) ?? 0}` : `${set}-1`;
  return el('img', { class: 'chat-badge', src: address(`badges/${picture}`), alt: title, title, width: '18', height: '18' });
}

/** A message's text as nodes: emotes as pictures, mentions and links set apart, the rest as text. */

import { el } from '../dom.js';
import { emoteImage } from './pictures.js';

const SPECIAL = /(?<![\w@])@(\w{2,25})|https?:\/\/[^\s<>"]{3,}/g;

/** Whether a text speaks to somebody by `@login`. */
export function mentions(text, login) {
  return [...text.matchAll(SPECIAL)].some(([, name]) => name?.toLowerCase() === login);
}

function plain(text, login) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(SPECIAL)) {
    nodes.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const mine = found[1] && found[1].toLowerCase() === login;
    nodes.push(
      found[1]
        ? el('span', { class: mine ? 'mention mention--mine' : 'mention' }, found[0])
        : el('a', { class: 'chat-link', href: found[0], target: '_blank', rel: 'noopener noreferrer nofollow ugc' }, found[0]),
    );
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== '');
}

/** `emotes`: [[id, first, last]] in code points, the last included. `login`: whose mentions stand out. */
export function rich(text, emotes, login) {
  if (!emotes?.length) return plain(text, login);
  const characters = Array.from(text);
  const nodes = [];
  let at = 0;
  for (const [id, first, last] of emotes) {
    if (first < at || last < first || last >= characters.length) continue; // spans that overlap or leave the text
    nodes.push(...plain(characters.slice(at, first).join(''), login), emoteImage(id, characters.slice(first, last + 1).join('')));
    at = last + 1;
  }
  return [...nodes, ...plain(characters.slice(at).join(''), login)];
}

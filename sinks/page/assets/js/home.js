/** Rows under the player: on the start page recommendations, editors' rows and categories; on a channel's what else is live. */

import { withIds } from './api.js';
import { cardGrid } from './cards.js';
import { el, setText } from './dom.js';
import { chosen, opened, recommended } from './recommended.js';

/** Categories that get a row of their own. */
const CATEGORIES = 3;
/** In a row of its own a category shows so many. */
const ROW = 8;

export const byViewers = (channels) => [...channels].sort((a, b) => b.viewers - a.viewers || a.login.localeCompare(b.login));

/** `[{ name, channels, viewers }]` of what is live, those with most viewers first. */
export function categories(channels) {
  const found = new Map();
  for (const channel of channels.filter(({ category }) => category)) {
    const one = found.get(channel.category) ?? { name: channel.category, channels: [], viewers: 0 };
    one.channels.push(channel);
    one.viewers += channel.viewers;
    found.set(channel.category, one);
  }
  return [...found.values()].sort((a, b) => b.viewers - a.viewers || b.channels.length - a.channels.length || a.name.localeCompare(b.name));
}

export const categoryLink = (name) => `/browse?${new URLSearchParams({ category: name })}`;

function row(options) {
  const title = el('h2', {});
  const more = el('a', { class: 'row__more' }, 'Show all');
  const grid = cardGrid(options);
  const section = el('section', { class: 'row' }, el('div', { class: 'row__head' }, title, more), grid);
  section.show = ({ label, channels, why, href }) => {
    setText(title, label);
    more.hidden = !href;
    if (href) more.setAttribute('href', href);
    grid.show(channels, why);
  };
  return section;
}

/** Makes a function that fills a section with rows, `[{ key, label, channels, why, href, scrolls }]`. One that stays is the same element. */
function rowsOf(section) {
  const known = new Map();
  return (rows) => {
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, node] of known) {
      if (!keys.has(key)) {
        node.remove();
        known.delete(key);
      }
    }
    rows.forEach((one, place) => {
      if (!known.has(one.key)) known.set(one.key, row({ row: one.scrolls, onOpen: one.key === 'recommended' ? opened : undefined }));
      const node = known.get(one.key);
      node.show(one);
      if (section.children[place] !== node) section.insertBefore(node, section.children[place] ?? null);
    });
    section.hidden = rows.length === 0;
  };
}

/** The rows that people chose, of what is live. */
const editorial = async (live) =>
  Promise.all((await chosen()).map(async ({ key, label, ids }) => ({ key, label, channels: await withIds(ids, live), scrolls: true })));

/** A section of those rows alone, with `show(live)`. */
export function editorialRows() {
  const section = el('section', { class: 'chosen', hidden: true });
  const fill = rowsOf(section);
  section.show = async (live) => fill((await editorial(live)).filter(({ channels }) => channels.length));
  return section;
}

/** Fills a section with rows by `show(live, except, start)`: the channels, the login that is on screen, whether it is the start page. */
export function homeRows(section) {
  const fill = rowsOf(section);
  let wanted = 0;

  section.show = async (live, except, start) => {
    wanted += 1;
    const mine = wanted;
    const others = byViewers(live).filter(({ login }) => login !== except);
    const all = { key: 'live', label: except ? 'Also live' : 'Live channels', channels: others, href: '/browse' };
    if (!start) {
      fill(others.length ? [all] : []);
      return;
    }
    const [page, editors] = await Promise.all([recommended().catch(() => null), editorial(live)]);
    if (mine !== wanted) return;
    const found = page?.data ?? [];
    const reasons = new Map(found.map((item) => [item.channel_id, item.why.join(' · ')]));
    const those = await withIds([...reasons.keys()], live);
    if (mine !== wanted) return;
    const first = { key: 'recommended', label: 'Recommended', channels: those, why: ({ channel_id: id }) => reasons.get(id), scrolls: true };
    const inside = categories(live).filter(({ channels }) => channels.length > 1).slice(0, CATEGORIES);
    const grouped = inside.map(({ name, channels }) => ({ key: `category ${name}`, label: name, channels: byViewers(channels).slice(0, ROW), href: categoryLink(name), scrolls: true }));
    fill([first, ...editors, all, ...grouped].filter(({ channels }) => channels.length));
  };
}

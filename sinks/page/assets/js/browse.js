/** The page of everything that is live: by category, by viewers both ways, and what a search found. */

import { cardGrid } from './cards.js';
import { el, setText } from './dom.js';
import { count, hue } from './format.js';
import { byViewers, categories, categoryLink, editorialRows } from './home.js';
import { find } from './search.js';

const SORTS = [['most', 'Most viewers'], ['fewest', 'Fewest viewers']];

function tile({ name, channels, viewers }, current) {
  const node = el(
    'a',
    { href: name === current ? '/browse' : categoryLink(name), class: 'category', 'aria-current': name === current ? 'true' : null },
    el('span', { class: 'category__name' }, name),
    el('span', { class: 'category__count' }, `${count(viewers)} watching · ${channels.length} live`),
  );
  node.style.setProperty('--hue', String(hue(name)));
  return node;
}

/** A section with `show(live)`, which reads the address: `?category=&sort=` or `?q=`. */
export function browsePage() {
  const title = el('h1', { class: 'page__title' });
  const sorts = el('div', { class: 'segmented', role: 'group', 'aria-label': 'Order' });
  const tiles = el('div', { class: 'categories' });
  const none = el('p', { class: 'page__none' });
  const editors = editorialRows();
  const grid = cardGrid();
  const section = el('section', { class: 'page', hidden: true }, el('div', { class: 'page__head' }, title, sorts), tiles, editors, none, grid);
  let drawn = ''; // what tiles and order show: they are left alone while it stays

  section.show = async (live) => {
    const asked = location.search;
    const query = new URLSearchParams(asked);
    const [text, category, sort] = [query.get('q') ?? '', query.get('category') ?? '', query.get('sort') ?? 'most'];
    const found = text ? await find(text, live) : byViewers(live).filter((channel) => !category || channel.category === category);
    if (asked !== location.search) return;
    await editors.show(text || category ? [] : live);
    if (asked !== location.search) return;
    if (!text && sort === 'fewest') found.reverse();
    document.title = `${text || category || 'Browse'} – Chronicast`;
    setText(title, text ? `Found for “${text}”` : category || 'Browse');
    const inside = text ? [] : categories(live);
    const next = JSON.stringify([asked, inside.map(({ name, viewers, channels }) => [name, viewers, channels.length])]);
    if (next !== drawn) {
      const focused = tiles.contains(document.activeElement) || sorts.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
      drawn = next;
      sorts.hidden = Boolean(text);
      sorts.replaceChildren(
        ...SORTS.map(([value, label]) => {
          const href = `/browse?${new URLSearchParams({ ...(category && { category }), sort: value })}`;
          return el('a', { href, 'aria-current': value === sort ? 'true' : null }, label);
        }),
      );
      tiles.replaceChildren(...inside.map((one) => tile(one, category)));
      if (focused) section.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    }
    none.hidden = found.length > 0;
    setText(none, text ? 'No channel is called so. Try fewer letters.' : 'Nobody is live here right now.');
    grid.show(found);
  };
  return section;
}

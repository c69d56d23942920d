/** The page of everything that is live: by category, by viewers both ways, and what a search found. */

import { live as fetchLive } from './api.js';
import { cardGrid } from './cards.js';
import { el, setText } from './dom.js';
import { count, hue } from './format.js';
import { categoryLink, editorialRows } from './home.js';
import { find } from './search.js';

/** Cards that are asked for at once: more than fit on a screen. */
const PAGE = 36;
/** The next page is asked for so far before the end of the last one is on screen. */
const AHEAD = '600px';
const SORTS = [['most', 'Most viewers'], ['fewest', 'Fewest viewers']];

function tile({ name, channels, viewers }, current) {
  const node = el(
    'a',
    { href: name === current ? '/browse' : categoryLink(name), class: 'category', 'aria-current': name === current ? 'true' : null },
    el('span', { class: 'category__name' }, name),
    el('span', { class: 'category__count' }, `${count(viewers)} watching · ${count(channels)} live`),
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
  const more = el('div', { class: 'browse__more', 'aria-hidden': 'true' });
  section.append(more);
  let further = []; // what scrolling has brought behind the first page
  let listed = { asked: null, first: [], cursor: null };
  let loading = false;
  let drawn = ''; // what tiles and order show: they are left alone while it stays

  section.show = async (live) => {
    const asked = location.search;
    const query = new URLSearchParams(asked);
    const [text, category, sort] = [query.get('q') ?? '', query.get('category') ?? '', query.get('sort') ?? 'most'];
    const wanted = { first: PAGE, order: sort === 'fewest' ? 'viewers_ascending' : 'viewers', ...(category && { category }) };
    const page = text ? { channels: await find(text), cursor: null } : await fetchLive(wanted);
    if (asked !== location.search) return;
    if (listed.asked !== asked) further = [];
    // Once more pages are there, theirs is the place to go on from: the first page alone is kept fresh.
    listed = { asked, wanted, first: page.channels, cursor: further.length ? listed.cursor : page.cursor };
    const found = together();
    await editors.show(text || category ? [] : live);
    if (asked !== location.search) return;
    document.title = `${text || category || 'Browse'} – Chronicast`;
    setText(title, text ? `Found for “${text}”` : category || 'Browse');
    const inside = page.categories ?? [];
    const next = JSON.stringify([asked, inside.map(({ name, viewers, channels }) => [name, viewers, channels])]);
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

  /** All that was loaded, each channel once. */
  function together() {
    return [...new Map([...listed.first, ...further].map((one) => [one.login, one])).values()];
  }

  async function loadMore() {
    if (loading || listed.cursor === null || section.hidden) return;
    loading = true;
    const from = listed;
    try {
      const page = await fetchLive({ ...from.wanted, after: from.cursor });
      if (from.asked === listed.asked) {
        further.push(...page.channels);
        listed.cursor = page.cursor;
        grid.show(together());
      }
    } catch {
      // the next scroll tries again
    }
    loading = false;
  }
  new IntersectionObserver(([entry]) => entry.isIntersecting && loadMore(), { rootMargin: AHEAD }).observe(more);
  return section;
}

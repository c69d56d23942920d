/** A pop-up list of choices that keyboards and screen readers can use (WAI-ARIA menu button). */

import { el, icon } from './dom.js';

/** Arrow keys, Home and End go through a menu's items; Escape and Tab close it. */
function walk(event, list, close) {
  const at = list.indexOf(document.activeElement);
  const moves = { ArrowDown: at + 1, ArrowUp: at - 1 + list.length, Home: 0, End: list.length - 1 };
  if (event.key in moves) list[moves[event.key] % list.length]?.focus();
  else if (event.key === 'Escape' || event.key === 'Tab') close();
  else return;
  event.stopPropagation();
  if (event.key !== 'Tab') event.preventDefault();
}

/**
 * Hangs a menu on a button. `sections()` gives `[{ title, choices: [{ value, label, note, checked }], choose(value) }]`
 * afresh at each opening.
 */
export function attachMenu(button, sections) {
  const panel = el('div', { class: 'menu', role: 'menu', hidden: true, 'aria-label': button.getAttribute('aria-label') });
  button.setAttribute('aria-haspopup', 'menu');
  button.setAttribute('aria-expanded', 'false');
  button.after(panel);

  const items = () => [...panel.querySelectorAll('[role=menuitemradio]')];

  const close = (returnFocus = true) => {
    if (panel.hidden) return;
    panel.hidden = true;
    button.setAttribute('aria-expanded', 'false');
    if (returnFocus) button.focus();
  };

  const item = (section, choice) =>
    el(
      'button',
      {
        type: 'button',
        role: 'menuitemradio',
        class: 'menu__item',
        'aria-checked': String(choice.checked),
        'data-value': choice.value,
        onClick: () => {
          section.choose(choice.value);
          close();
        },
      },
      el('span', { class: 'menu__check' }, choice.checked ? icon('check') : ''),
      el('span', { class: 'menu__label' }, choice.label),
      choice.note && el('span', { class: 'menu__note' }, choice.note),
    );

  const open = () => {
    panel.replaceChildren(
      ...sections().map((section) =>
        el(
          'div',
          { role: 'group', 'aria-label': section.title, class: 'menu__section' },
          el('div', { class: 'menu__title', 'aria-hidden': 'true' }, section.title),
          section.choices.map((choice) => item(section, choice)),
        ),
      ),
    );
    panel.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    (items().find((one) => one.getAttribute('aria-checked') === 'true') ?? items()[0])?.focus();
  };

  button.addEventListener('click', () => (panel.hidden ? open() : close()));
  document.addEventListener('pointerdown', (event) => {
    if (!panel.contains(event.target) && !button.contains(event.target)) close(false);
  });
  panel.addEventListener('keydown', (event) => walk(event, items(), close));
}

/** Opens a list of actions `[{ label, icon, danger, run }]` beside an anchor, within a positioned host. Closing gives the focus back. */
export function openActions(host, anchor, label, actions) {
  const before = document.activeElement;
  const panel = el('div', { class: 'menu menu--actions', role: 'menu', 'aria-label': label });
  const close = () => {
    document.removeEventListener('pointerdown', outside, true);
    panel.remove();
    before?.focus({ preventScroll: true });
  };
  const outside = (event) => panel.contains(event.target) || close();
  panel.append(
    ...actions.map((action) =>
      el(
        'button',
        {
          type: 'button',
          role: 'menuitem',
          class: action.danger ? 'menu__item menu__item--danger' : 'menu__item',
          onClick: () => {
            close();
            action.run();
          },
        },
        icon(action.icon),
        el('span', { class: 'menu__label' }, action.label),
      ),
    ),
  );
  const items = [...panel.children];
  panel.addEventListener('keydown', (event) => walk(event, items, close));
  document.addEventListener('pointerdown', outside, true);
  host.append(panel);
  const [around, at] = [host.getBoundingClientRect(), anchor.getBoundingClientRect()];
  const below = at.bottom - around.top;
  const fits = below + panel.offsetHeight < around.height;
  panel.style.top = `${fits ? below : Math.max(0, at.top - around.top - panel.offsetHeight)}px`;
  panel.style.right = `${Math.max(8, around.right - at.right)}px`;
  items[0]?.focus({ preventScroll: true });
}

/** The emotes to choose from. */

import { el, iconButton } from '../dom.js';
import { GLOBAL, SUBSCRIBERS } from './emotes.js';
import { emoteImage } from './pictures.js';

/** A button with a panel; `onPick` gets an emote's code. */
export function emotePicker(room, onPick) {
  const button = iconButton('emote', 'Emotes', () => toggle());
  const panel = el('div', { class: 'chat-panel picker', role: 'dialog', 'aria-label': 'Emotes', hidden: true });
  button.setAttribute('aria-expanded', 'false');

  const toggle = (open = panel.hidden) => {
    if (open && panel.childElementCount === 0) panel.append(...groups());
    for (const locked of panel.querySelectorAll('[data-locked]')) locked.disabled = !room.you?.subscriber && !room.you?.broadcaster;
    panel.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
    if (open) panel.querySelector('button:not(:disabled)').focus();
  };
  const pick = (code) => {
    toggle(false);
    onPick(code);
  };
  const group = (title, emotes, locked) =>
    el(
      'section',
      {},
      el('h3', { class: 'chat-panel__title' }, title),
      el(
        'div',
        { class: 'picker__grid' },
        Object.entries(emotes).map(([code, id]) => {
          const choice = el('button', { type: 'button', class: 'picker__emote', title: code, 'data-locked': locked, onClick: () => pick(code) }, emoteImage(id, code));
          return choice;
        }),
      ),
    );
  const groups = () => [group('For everybody', GLOBAL, false), group('For subscribers', SUBSCRIBERS, true)];

  panel.addEventListener('keydown', (event) => {
    const list = [...panel.querySelectorAll('button:not(:disabled)')];
    const at = list.indexOf(document.activeElement);
    const moves = { ArrowRight: at + 1, ArrowLeft: at - 1 + list.length, Home: 0, End: list.length - 1 };
    if (event.key in moves) list[moves[event.key] % list.length].focus();
    else if (event.key === 'Escape') {
      toggle(false);
      button.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener('pointerdown', ({ target }) => {
    if (!panel.hidden && !panel.contains(target) && !button.contains(target)) toggle(false);
  });
  return { button, panel };
}

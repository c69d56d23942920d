/** What can be done with a line: a bar over the line at the pointer, a menu, the card of whoever wrote it. */

import { el, iconButton } from '../dom.js';
import { openActions } from '../menu.js';

/** The usual time-out: ten minutes. */
const TIMEOUT_S = 600;

/** `act`: `{ reply(event), card(user, node), moderate(do, values) }`. */
export function lineActions(log, room, host, act) {
  const bar = el('div', { class: 'line-bar', role: 'group', 'aria-label': 'This message' });
  const lineOf = (node) => node.closest?.('.line[data-id]') ?? null;
  const eventOf = (line) => log.event(line?.dataset.id);
  const mine = (event) => event.user.id === room.user?.id;

  function actions(event) {
    const { id, user, text } = event;
    const others = room.moderates && !mine(event);
    return [
      room.user && { label: 'Reply', icon: 'reply', run: () => act.reply(event) },
      { label: `About ${user.name}`, icon: 'person', run: () => act.card(user) },
      { label: 'Copy text', icon: 'copy', run: () => navigator.clipboard?.writeText(text).catch(() => {}) },
      (room.moderates || mine(event)) && { label: 'Delete', icon: 'trash', danger: true, run: () => act.moderate('delete', { message_id: id }) },
      others && { label: 'Time out for 10 minutes', icon: 'clock', danger: true, run: () => act.moderate('timeout', { user: user.login, seconds: TIMEOUT_S }) },
      others && { label: 'Ban', icon: 'ban', danger: true, run: () => act.moderate('ban', { user: user.login }) },
    ].filter(Boolean);
  }

  const openMenu = (line, anchor = line) => {
    const event = eventOf(line);
    if (event?.type === 'message') openActions(host, anchor, 'This message', actions(event));
  };

  function showBar(line) {
    const event = eventOf(line);
    if (event?.type !== 'message') return bar.remove();
    if (bar.parentElement === line) return undefined;
    const quick = room.moderates && !mine(event);
    bar.replaceChildren(
      ...[
        room.user && iconButton('reply', 'Reply', () => act.reply(event), { tabindex: '-1' }),
        quick && iconButton('trash', 'Delete', () => act.moderate('delete', { message_id: event.id }), { tabindex: '-1' }),
        quick && iconButton('clock', 'Time out for 10 minutes', () => act.moderate('timeout', { user: event.user.login, seconds: TIMEOUT_S }), { tabindex: '-1' }),
        iconButton('more', 'More', () => openMenu(line, bar), { tabindex: '-1' }),
      ].filter(Boolean),
    );
    return line.append(bar);
  }

  log.list.addEventListener('pointerover', ({ target }) => showBar(lineOf(target)));
  log.list.addEventListener('pointerleave', () => bar.remove());
  log.list.addEventListener('click', ({ target }) => {
    const name = target.closest('[data-card]');
    const event = name && eventOf(lineOf(name));
    if (event) act.card(event.user);
  });
  log.list.addEventListener('keydown', (event) => {
    const line = lineOf(event.target);
    if (event.target !== line || !line || !['Enter', ' ', 'ContextMenu'].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    openMenu(line);
  });
}

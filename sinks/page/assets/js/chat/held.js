/** Messages that AutoMod holds until a moderator looks at them. */

import { el, icon, setText } from '../dom.js';
import { badges, nameButton } from './line.js';
import { rich } from './text.js';

/** More are not shown: the oldest go, as on the platform nobody answers them in time. */
const MOST = 50;

/** Gives `{ element, take(events, reset), show() }`. */
export function heldQueue(room, act) {
  const list = el('ul', { class: 'held__list' });
  const count = el('span');
  const summary = el('summary', { class: 'held__summary' }, icon('shield'), count);
  const element = el('details', { class: 'held', open: true, hidden: true }, summary, list);
  const waiting = new Map(); // id → item

  async function answer(what, event, item) {
    for (const button of item.querySelectorAll('.small-button')) button.disabled = true;
    if (await act.moderate(what, { message_id: event.id })) return;
    for (const button of item.querySelectorAll('.small-button')) button.disabled = false;
  }

  function item(event) {
    const percent = `${Math.round(event.score * 100)} %`;
    const node = el(
      'li',
      { class: 'held__item', 'data-held': event.id },
      el('p', { class: 'held__text' }, badges(event.badges), nameButton(event.user, { disabled: true }), ': ', rich(event.text, event.emotes, room.user?.login)),
      el(
        'div',
        { class: 'button-row' },
        el('span', { class: 'held__score', title: 'AutoMod’s estimate that a moderator would remove it' }, percent),
        el('button', { type: 'button', class: 'small-button small-button--good', onClick: () => answer('approve', event, node) }, 'Approve'),
        el('button', { type: 'button', class: 'small-button small-button--danger', onClick: () => answer('refuse', event, node) }, 'Deny'),
      ),
    );
    return node;
  }

  function show() {
    element.hidden = !room.moderates || waiting.size === 0;
    setText(count, waiting.size === 1 ? '1 message waits for you' : `${waiting.size} messages wait for you`);
  }

  function remove(id) {
    waiting.get(id)?.remove();
    waiting.delete(id);
  }

  function take(events, reset) {
    if (reset) [...waiting.keys()].forEach(remove);
    for (const event of events) {
      if (event.type === 'held' && !waiting.has(event.id)) {
        waiting.set(event.id, item(event));
        list.append(waiting.get(event.id));
        if (waiting.size > MOST) remove(waiting.keys().next().value);
      } else if (event.type === 'held_closed' || event.type === 'message') remove(event.id); // approved, it comes with the same id
    }
    show();
  }
  room.addEventListener('changed', show);
  return { element, take };
}

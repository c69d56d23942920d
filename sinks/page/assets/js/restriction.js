/** Who may watch the creator's channel. */

import { channel } from './api.js';
import { el, setText } from './dom.js';
import { helix } from './session.js';

/** A section with `show(user)`. */
export function restrictionSection() {
  const subscribers = el('input', { type: 'checkbox', name: 'subscribers_only' });
  const mature = el('input', { type: 'checkbox', name: 'mature' });
  const said = el('p', { class: 'dialog__trouble', role: 'status' });
  const boxes = el(
    'fieldset',
    { class: 'restriction', disabled: true },
    el('label', { class: 'dialog__check' }, subscribers, 'Only subscribers may watch'),
    el('label', { class: 'dialog__check' }, mature, 'For a mature audience: viewers confirm first'),
  );
  let who = null;

  async function save() {
    const me = who;
    boxes.disabled = true;
    const body = JSON.stringify({ subscribers_only: subscribers.checked, mature: mature.checked });
    const answer = await helix(`channels/restriction?broadcaster_id=${me.id}`, { method: 'PUT', body }).catch(() => null);
    if (me !== who) return; // signed out meanwhile
    boxes.disabled = false;
    if (answer?.status === 200) setText(said, 'Saved. It holds within seconds, for those who watch now too.');
    else {
      setText(said, answer?.body.message ?? 'The platform does not answer. Try again.');
      await load();
    }
  }

  async function load() {
    const me = who;
    const told = await channel(me.login).catch(() => null);
    if (me !== who || told === null) return;
    subscribers.checked = told.subscribers_only;
    mature.checked = told.mature;
    boxes.disabled = false;
  }

  boxes.addEventListener('change', save);
  const section = el(
    'section',
    { class: 'panel', 'aria-labelledby': 'restriction-title' },
    el('h2', { id: 'restriction-title' }, 'Who may watch'),
    el('p', { class: 'dialog__how' }, 'The live stream, recordings and clips alike. Moderators may always watch.'),
    boxes,
    said,
  );
  section.show = (user) => {
    if (user?.id === who?.id) return;
    who = user;
    boxes.disabled = true;
    setText(said, '');
    if (user) load();
  };
  return section;
}

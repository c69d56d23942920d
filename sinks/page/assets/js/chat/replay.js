/** The chat of a recording, in step with its picture. */

import { pastChat } from '../api.js';
import { el, setText } from '../dom.js';
import { ChatLog } from './log.js';

/** Seconds of one question. */
const STRETCH = 30;
/** Lines of so long ago are on screen after a seek. */
const BEFORE = 60;
/** Ask for more when less than this lies ahead. */
const AHEAD = 10;
const STEP_MS = 250;
/** After a question that failed. */
const RETRY_MS = 3000;

/** A section with `show(vodId, video)`; null empties it. */
export function replayPanel() {
  const log = new ChatLog({ user: null });
  const status = el('p', { class: 'chat__status', role: 'status', hidden: true });
  const element = el(
    'section',
    { class: 'chat chat--replay', 'aria-label': 'Chat replay', hidden: true },
    el('header', { class: 'chat__header' }, el('h2', { class: 'chat__title' }, 'Chat replay')),
    status,
    log.element,
  );
  let vodId = null;
  let video = null;
  let lines = []; // by time, those that are still to be shown
  let until = 0; // questions have been answered up to here
  let last = 0; // the picture's time when last looked at
  let turn = 0; // counts the seeks: an answer to a question before one is for nobody
  let asking = false;
  let quietUntil = 0;

  async function fetchMore() {
    if (asking || performance.now() < quietUntil) return;
    asking = true;
    const mine = turn;
    try {
      const found = await pastChat(vodId, until, until + STRETCH);
      if (mine === turn && found !== null) {
        lines.push(...found.lines);
        until = Math.max(found.to, until + 0.001);
      }
      status.hidden = true;
    } catch {
      quietUntil = performance.now() + RETRY_MS;
      status.hidden = false;
      setText(status, 'The chat cannot be read now. Trying again …');
    }
    asking = false;
    if (mine !== turn) step();
  }

  function seek(time) {
    turn += 1;
    lines = [];
    until = Math.max(0, time - BEFORE);
    log.clear();
  }

  function step() {
    if (vodId === null) return;
    const time = video.currentTime;
    if (time < last || time > Math.max(until, last + STRETCH)) seek(time);
    last = time;
    const due = lines.findIndex((line) => line.at > time);
    const shown = lines.splice(0, due === -1 ? lines.length : due);
    if (shown.length) log.take({ events: shown.map(({ event }) => event) });
    if (until - time < AHEAD) fetchMore();
  }

  setInterval(step, STEP_MS);
  element.show = (id, player) => {
    if (id === vodId) return;
    vodId = id;
    video = player;
    last = 0;
    element.hidden = id === null;
    seek(0);
    if (id !== null) player.addEventListener('seeked', step);
  };
  return element;
}

/** The bar over the controls: the last two hours of a live stream, to go back in. */

import { serverNow } from './clock.js';
import { el, setText } from './dom.js';
import { duration } from './format.js';

/** As far as `/live/{login}/rewind.m3u8` leads. */
const REACH_MS = 2 * 3_600_000;
const REFRESH_MS = 500;
/** Nearer to the live picture than this is live. */
const LIVE_MS = 3000;

/** `player.startedAt` says since when it is live (ms since 1970). */
export function rewindBar(player) {
  const slider = el('input', { type: 'range', class: 'rewind__slider', 'aria-label': 'Rewind', min: '0', max: '1', step: '1', value: '1' });
  const label = el('span', { class: 'rewind__label', 'aria-hidden': 'true' });
  const bar = el('div', { class: 'rewind', hidden: true }, slider, label);
  let held = false; // the viewer has it in hand

  const oldest = () => Math.max(player.startedAt, serverNow() - REACH_MS);
  const newest = () => serverNow() - (Number.isFinite(player.engine?.target) ? player.engine.target * 1000 : 0);

  function say(date) {
    const behind = Math.max(0, (newest() - date) / 1000);
    const words = behind < LIVE_MS / 1000 ? 'Live' : `−${duration(behind)}`;
    setText(label, words);
    slider.setAttribute('aria-valuetext', behind < LIVE_MS / 1000 ? 'Live' : `${duration(behind)} behind`);
    const share = (Number(slider.value) - Number(slider.min)) / Math.max(1, Number(slider.max) - Number(slider.min));
    bar.style.setProperty('--filled', `${Math.min(1, Math.max(0, share)) * 100}%`);
  }

  function show() {
    const date = player.engine?.playingDate ?? NaN;
    bar.hidden = !Number.isFinite(date) || !Number.isFinite(player.startedAt);
    if (bar.hidden || held) return;
    slider.min = String(Math.round(oldest()));
    slider.max = String(Math.round(Math.max(newest(), oldest() + 1)));
    slider.value = String(Math.round(player.edge.following ? newest() : date));
    say(Number(slider.value));
  }

  slider.addEventListener('input', () => {
    held = true;
    say(Number(slider.value));
  });
  slider.addEventListener('change', () => {
    held = false;
    const date = Number(slider.value);
    if (newest() - date < LIVE_MS) player.goLive();
    else player.rewindTo(date);
  });
  setInterval(show, REFRESH_MS);
  return bar;
}

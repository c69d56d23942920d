/** The live health of a broadcast, as its creator watches it: plots, stages, renditions. */

import * as api from './api.js';
import { measuring } from './broadcast-health.js';
import { serverNow } from './clock.js';
import { el, setText } from './dom.js';
import { bitrate, count, duration, seconds } from './format.js';
import { plot } from './plot.js';
import { stageTables, total } from './stages.js';

/** A segment's length: nothing is new more often. */
const REFRESH_MS = 2000;

const rendition = (one) =>
  el(
    'tr',
    {},
    el('th', { scope: 'row' }, one.name),
    el('td', {}, one.kind === 'video' ? `${one.width} × ${one.height}` : 'Sound'),
    el('td', { class: 'number' }, one.kind === 'video' ? `${Number(one.frame_rate.toFixed(2))} fps` : ''),
    el('td', { class: 'number' }, bitrate(one.bit_rate)),
    el('td', { class: 'number' }, bitrate(one.peak_bit_rate)),
  );

const STATES = { live: 'Live', interrupted: 'Connection lost', ended: 'Offline', offline: 'Offline' };

/** A section with `watch(login)`; null stops. */
export function healthSection() {
  const state = el('span', { class: 'badge' });
  const uptime = el('span', { class: 'health__uptime' });
  const plots = {
    bits: plot('Bitrate', bitrate, 'Each segment of the source, 5 minutes'),
    rate: plot('Frame rate', (value) => `${value.toFixed(1)} fps`, 'Frames that arrived, 5 minutes'),
    lost: plot('Frames lost', (value) => `${Math.round(value)}`, 'A segment, against its declared rate'),
    viewers: plot('Viewers now', count),
    low: plot('Latency, low', (value) => seconds(value, 2), 'Camera to origin, median'),
    normal: plot('Latency, normal', (value) => seconds(value, 2), 'Camera to origin, median'),
  };
  const budget = el('div', { class: 'health__stages' });
  const rows = el('tbody', {});
  const renditions = el(
    'table',
    { class: 'renditions' },
    el('thead', {}, el('tr', {}, ['Rendition', 'Picture', 'Frame rate', 'Mean', 'Peak'].map((name) => el('th', { scope: 'col' }, name)))),
    rows,
  );
  const idle = el('p', { class: 'page__none' }, 'Not live. Bitrate, frames, latency and viewers appear here as soon as your encoder sends.');
  const measures = el(
    'div',
    { class: 'health__measures', hidden: true },
    el('div', { class: 'plots' }, Object.values(plots)),
    el('h3', {}, 'Latency budget'),
    budget,
    el('h3', {}, 'Renditions'),
    el('div', { class: 'scrolls' }, renditions),
  );
  const section = el('section', { class: 'panel health', 'aria-labelledby': 'health-title' }, el('h2', { id: 'health-title' }, 'Stream health ', state, uptime), idle, measures);
  let [login, timer, measure, since] = [null, 0, measuring(), null];

  async function refresh() {
    const asked = login;
    const channel = await api.channel(asked);
    if (asked !== login || channel === null) return;
    setText(state, STATES[channel.state] ?? channel.state);
    state.classList.toggle('badge--live', channel.state === 'live');
    state.classList.toggle('badge--offline', channel.state !== 'live');
    setText(uptime, channel.live ? duration((serverNow() - Date.parse(channel.started_at)) / 1000) : '');
    idle.hidden = channel.live;
    measures.hidden = !channel.live;
    if (!channel.live) return;
    if (since !== channel.started_at) {
      since = channel.started_at;
      for (const one of Object.values(plots)) one.clear();
    }
    const [segment, stages] = await Promise.all([measure(channel).catch(() => null), api.latency(asked)]);
    if (asked !== login) return;
    for (const name of ['bits', 'rate', 'lost']) plots[name].push(segment?.[name] ?? NaN);
    plots.viewers.push(channel.viewers);
    plots.low.push(total(stages, 'low'));
    plots.normal.push(total(stages, 'normal'));
    budget.replaceChildren(...stageTables(stages));
    rows.replaceChildren(...channel.renditions.map(rendition));
  }

  async function keepFresh() {
    clearTimeout(timer);
    const asked = login;
    if (asked === null) return;
    await refresh().catch(() => {}); // the bar above the page says that the platform does not answer
    if (asked === login) timer = setTimeout(keepFresh, REFRESH_MS);
  }

  section.watch = (next) => {
    if (next === login) return;
    [login, measure, since] = [next, measuring(), null];
    keepFresh();
  };
  return section;
}

/** Playback statistics for the curious, over the picture. */

import { el, iconButton } from './dom.js';
import { bitrate, seconds } from './format.js';

const REFRESH_MS = 1000;

function rows(player) {
  const { video, engine } = player;
  const frames = video.getVideoPlaybackQuality?.();
  const size = video.videoWidth ? `${video.videoWidth} × ${video.videoHeight}` : '–';
  return [
    ['Latency to the broadcaster', seconds(player.latency, 2)],
    ['Mode', player.lowLatency ? 'Low latency' : 'Normal'],
    ['Buffer', seconds(player.edge.bufferSeconds, 2)],
    ['Rendition', engine?.rendition || '–'],
    ['Picture', size],
    ['Bandwidth', Number.isFinite(engine?.bandwidth) ? bitrate(engine.bandwidth) : '–'],
    ['Frames shown / skipped', frames ? `${frames.totalVideoFrames - frames.droppedVideoFrames} / ${frames.droppedVideoFrames}` : '–'],
    ['Stalls', `${player.stalls.count} (${seconds(player.stalls.total / 1000)})`],
  ];
}

/** A panel with a `toggle()`. */
export function statsPanel(player) {
  const list = el('dl', { class: 'stats__list' });
  const panel = el(
    'section',
    { class: 'stats', 'aria-label': 'Playback statistics', hidden: true },
    iconButton('close', 'Close statistics', () => panel.toggle(), { class: 'icon-button stats__close' }),
    list,
  );
  const show = () => {
    if (!panel.hidden) list.replaceChildren(...rows(player).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
  };
  panel.toggle = () => {
    panel.hidden = !panel.hidden;
    show();
  };
  setInterval(show, REFRESH_MS);
  return panel;
}

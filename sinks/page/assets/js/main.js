/** The page: which channel is on screen, and what the lists around it show. */

import { aboutSection, matureCover, offlineCover, quietCover, unknownCover } from './about.js';
import { channel as fetchChannel, liveChannels } from './api.js';
import { fillCards, fillRail } from './channels.js';
import { chatPanel } from './chat/panel.js';
import { clipDialog } from './clip-dialog.js';
import { synchronise } from './clock.js';
import { playerView } from './player-view.js';
import { recordedRoute, recordedView } from './recorded.js';
import { reportQuality } from './reports.js';
import { shortcuts } from './shortcuts.js';
import { themeButton } from './theme.js';
import { Visit } from './visit.js';

/** How soon a stream that starts or ends is noticed. */
const REFRESH_MS = 3000;

const root = document.documentElement;
const main = document.getElementById('main');
const rail = document.getElementById('rail-list');
const theatre = () => root.classList.toggle('theatre');

let openClip = () => {};
const view = playerView({ theatre, clip: () => openClip() });
const { player, cover } = view;
const recorded = recordedView();
const about = aboutSection();
const chat = chatPanel();
const browse = document.createElement('section');
browse.className = 'browse';
main.append(view.frame, recorded.section, about, chat, recorded.chat, browse);

/** Login in the address; empty on the start page. */
const route = () => decodeURIComponent(location.pathname.slice(1)).toLowerCase();

let shown = null; // the channel on screen, as the API told it
const agreed = new Set(); // streams for adults that the viewer wants to see

function coverWith(parts) {
  cover.hidden = parts === null;
  cover.replaceChildren(...(parts ?? []));
}

/** Plays a live channel and keeps an ended one until its last picture. */
function follow(channel) {
  const known = shown?.login === channel?.login;
  const returned = known && channel?.live && (!shown.live || shown.started_at !== channel.started_at);
  shown = channel;
  player.startedAt = channel?.live ? Date.parse(channel.started_at) : NaN;
  if (channel?.live && channel.mature && !agreed.has(channel.login)) {
    player.stop();
    coverWith(matureCover(() => {
      agreed.add(channel.login);
      follow(channel);
    }));
  } else if (channel?.live) {
    coverWith(null);
    if (player.login !== channel.login || (returned && player.state === 'ended')) player.play(channel.login);
  } else if (player.login && channel?.login === player.login && player.state === 'playing') {
    // The last seconds are still to be seen.
  } else {
    player.stop();
    const login = route();
    coverWith(channel ? offlineCover(channel) : login ? unknownCover(login) : quietCover());
  }
}

/** A page of what was: nothing live plays beside it. */
function showRecorded(past, live) {
  root.dataset.view = 'recorded';
  shown = null;
  player.stop();
  chat.show(null);
  about.show(null);
  fillRail(rail, live, '');
  fillCards(browse, live, null);
  recorded.show(past);
}

async function refresh() {
  const past = recordedRoute();
  view.frame.hidden = past !== null;
  if (past === null) recorded.show(null);
  const login = route();
  const live = await liveChannels();
  if (past !== null) {
    if (past.id === recordedRoute()?.id) showRecorded(past, live);
    return;
  }
  const wanted = login ? (live.find((one) => one.login === login) ?? (await fetchChannel(login))) : featured(live);
  if (login !== route()) return; // the viewer went on meanwhile
  root.dataset.view = login ? 'watch' : 'home';
  document.title = wanted && login ? `${wanted.display_name} – Chronicast` : 'Chronicast';
  fillRail(rail, live, login);
  fillCards(browse, live, wanted?.login);
  about.show(wanted, !login);
  chat.show(login && wanted ? wanted.login : null);
  follow(wanted);
}

/** On the start page: what is on screen stays there while it is live, else the first channel that is not for adults. */
const featured = (live) => live.find((one) => one.login === player.login) ?? live.find((one) => !one.mature) ?? null;

let timer = 0;
async function keepFresh() {
  clearTimeout(timer);
  try {
    await refresh();
    root.classList.remove('unreachable');
  } catch {
    root.classList.add('unreachable'); // the platform does not answer; what plays goes on playing, the next try comes soon
  }
  timer = setTimeout(keepFresh, REFRESH_MS);
}

/** Links within the page change the channel without loading it again, so that sound and full screen stay. */
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="/"]');
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.pathname !== location.pathname) history.pushState(null, '', link.pathname);
  keepFresh();
  scrollTo(0, 0);
});
addEventListener('popstate', keepFresh);
player.addEventListener('state', () => player.state === 'ended' && keepFresh());

document.getElementById('header-side').append(chat.toggleButton, shortcuts({ ...view, theatre, chat, clip: () => openClip() }, () => shown?.live), themeButton());
const channelId = () => (player.login ? shown?.channel_id : null);
openClip = clipDialog({ player, channelId }, chat.account);
reportQuality(player, new Visit(player, channelId), channelId);
synchronise();
keepFresh();

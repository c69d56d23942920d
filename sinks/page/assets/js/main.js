/** The page: which channel is on screen, and what the lists around it show. */

import { aboutSection, offlineCover, quietCover, unknownCover } from './about.js';
import { channel as fetchChannel, liveChannels } from './api.js';
import { browsePage } from './browse.js';
import { fillRail } from './channels.js';
import { chatPanel } from './chat/panel.js';
import { clipDialog } from './clip-dialog.js';
import { synchronise } from './clock.js';
import { dashboardPage } from './dashboard.js';
import { el, icon } from './dom.js';
import { Gate, restricted } from './gate.js';
import { homeRows } from './home.js';
import { playerView } from './player-view.js';
import { recordedRoute, recordedView } from './recorded.js';
import { reportQuality } from './reports.js';
import { searchBox } from './search.js';
import { resume } from './session.js';
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
homeRows(browse);
/** Pages without a player, by the name in the address. */
const pages = { __proto__: null, browse: browsePage(), dashboard: dashboardPage() };
main.append(view.frame, recorded.section, about, chat, recorded.chat, browse, ...Object.values(pages));

/** Login or page in the address; empty on the start page. */
const route = () => decodeURIComponent(location.pathname.slice(1)).toLowerCase();

let shown = null; // the channel on screen, as the API told it
const gate = new Gate(() => shown && follow(shown));

/** Covers the player; what has the same key as before stays as it is, for somebody may be writing in it. */
function coverWith(parts, key = null) {
  if (key !== null && key === cover.dataset.key) return;
  cover.dataset.key = key ?? '';
  cover.hidden = parts === null;
  cover.replaceChildren(...(parts ?? []));
}

/** Plays a live channel and keeps an ended one until its last picture. */
function follow(channel) {
  const known = shown?.login === channel?.login;
  const returned = known && channel?.live && (!shown.live || shown.started_at !== channel.started_at);
  shown = channel;
  player.startedAt = channel?.live ? Date.parse(channel.started_at) : NaN;
  gate.face(channel?.live ? channel : null);
  if (channel?.live && gate.folder === null) {
    const { parts, key } = gate.cover;
    if (parts !== null) player.stop(); // while the platform is asked, what plays goes on
    coverWith(parts, key);
  } else if (channel?.live) {
    coverWith(null);
    player.folder = gate.folder;
    if (player.login !== channel.login || (returned && player.state === 'ended')) player.play(channel.login);
    player.offer(channel.renditions.map(({ name }) => name));
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
  gate.face(null);
  player.stop();
  chat.show(null);
  about.show(null);
  fillRail(rail, live, '');
  browse.show(live, null, false);
  recorded.show(past);
}

/** Shows a page without a player, or none. */
function turnTo(name, live) {
  if (pages[name]) {
    player.stop();
    shown = null;
    gate.face(null);
    about.show(null);
    chat.show(null);
  }
  for (const [other, page] of Object.entries(pages)) {
    page.hidden = other !== name;
    if (other === name) page.show(live);
    else page.leave?.();
  }
}

async function refresh() {
  const past = recordedRoute();
  view.frame.hidden = past !== null;
  if (past === null) recorded.show(null);
  const login = route();
  const live = await liveChannels();
  if (login !== route()) return;
  turnTo(login, live);
  if (past !== null) {
    showRecorded(past, live);
    return;
  }
  if (pages[login]) {
    root.dataset.view = login;
    fillRail(rail, live, '');
    return;
  }
  const name = login || featured(live);
  const wanted = name ? await fetchChannel(name) : null;
  if (login !== route()) return; // the viewer went on meanwhile
  root.dataset.view = login ? 'watch' : 'home';
  document.title = wanted && login ? `${wanted.display_name} – Chronicast` : 'Chronicast';
  fillRail(rail, live, login);
  browse.show(live, wanted?.login, !login);
  about.show(wanted, !login);
  chat.show(login && wanted ? wanted.login : null);
  follow(wanted);
}

/** On the start page: what is on screen stays there while it is live, else the first channel that is for everybody. */
const featured = (live) => (live.find((one) => one.login === player.login) ?? live.find((one) => !restricted(one)))?.login;

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

/** Goes to an address of the page. */
function go(address) {
  if (new URL(address, location.href).href !== location.href) history.pushState(null, '', address);
  keepFresh();
  scrollTo(0, 0);
}

/** Links within the page change the channel without loading it again, so that sound and full screen stay. */
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="/"]');
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.href);
});
addEventListener('popstate', keepFresh);
player.addEventListener('state', () => player.state === 'ended' && keepFresh());

const link = (href, name, label) => el('a', { href, class: 'icon-button', title: label, 'aria-label': label }, icon(name));
document.querySelector('.brand').after(searchBox(go));
document
  .getElementById('header-side')
  .append(
    link('/browse', 'browse', 'Browse'),
    link('/dashboard', 'dashboard', 'Creator dashboard'),
    chat.toggleButton,
    shortcuts({ ...view, theatre, chat, clip: () => openClip() }, () => shown?.live),
    themeButton(),
  );
const channelId = () => (player.login ? shown?.channel_id : null);
openClip = clipDialog({ player, channelId }, chat.account);
reportQuality(player, new Visit(player, channelId), channelId);
synchronise();
resume().catch(() => null).finally(keepFresh);

// What @twurple/api, unmodified, gets from an API. Arguments: JSON with client_id, token, other (a live channel's id). Prints one JSON object.
import { ApiClient } from '@twurple/api';
import { StaticAuthProvider } from '@twurple/auth';

const { client_id, token, other } = JSON.parse(process.argv[2]);
const api = new ApiClient({ authProvider: new StaticAuthProvider(client_id, token), logger: { minLevel: 'critical' } });
const me = await api.users.getAuthenticatedUser(await api.getTokenInfo().then(info => info.userId));
const said = {};

const streams = await api.streams.getStreams({ limit: 1 });
said.first = streams.data.map(s => [s.userName, s.title, s.gameName, s.viewers, s.language, s.tags, s.startDate.toISOString(), s.type]);
said.all = (await api.streams.getStreamsPaginated().getAll()).map(s => s.userName);
said.one = (await api.streams.getStreamByUserName('ANA')).userDisplayName;
said.offline = await api.streams.getStreamByUserId(me.id);
said.found = (await api.search.searchChannels('nana', { liveOnly: true })).data.map(c => [c.name, c.isLive, c.startDate !== null]);

const [chess] = (await api.search.searchCategories('che')).data;
said.category = chess.name;
await api.channels.updateChannelInfo(me, { title: 'Endgames', gameId: chess.id, language: 'de', tags: ['calm'] });
const info = await api.channels.getChannelInfoById(me);
said.channel = [info.title, info.gameName, info.language, info.tags];
said.games = (await api.games.getTopGames()).data.map(g => g.name);
said.game = (await api.games.getGameByName('chess')).id === chess.id;

const call = method => api.callApi({ type: 'helix', url: 'users/follows', method, userId: me.id, query: { from_id: me.id, to_id: other } });
await call('POST');
const followed = await api.channels.getFollowedChannels(me);
said.followed = [followed.total, followed.data.map(f => f.broadcasterName)];
said.followedStreams = (await api.streams.getFollowedStreams(me)).data.map(s => s.userName);
said.followers = await api.channels.getChannelFollowerCount(other);
await call('DELETE');
said.unfollowed = await api.channels.getChannelFollowerCount(other);
said.subscriptions = (await api.subscriptions.getSubscriptions(me)).data.map(s => [s.userName, s.tier, s.isGift]);
try {
	await api.raids.startRaid(me, other);
} catch (e) {
	said.raid = [e.statusCode, JSON.parse(e.body).error];
}
console.log(JSON.stringify(said));

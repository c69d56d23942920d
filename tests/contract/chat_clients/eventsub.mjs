// What @twurple/eventsub-ws, unmodified, hears. Arguments: JSON with client_id, token, own, other (channels' ids).
// Prints a JSON array a line: `ready` once all subscriptions stand, then each event.
import { ApiClient } from '@twurple/api';
import { StaticAuthProvider } from '@twurple/auth';
import { EventSubWsListener } from '@twurple/eventsub-ws';

const { client_id, token, own, other } = JSON.parse(process.argv[2]);
const apiClient = new ApiClient({ authProvider: new StaticAuthProvider(client_id, token), logger: { minLevel: 'critical' } });
const listener = new EventSubWsListener({ apiClient, logger: { minLevel: 'critical' } });
const say = (...what) => console.log(JSON.stringify(what));
let connects = 0;
listener.onUserSocketReady(() => say('socket', ++connects));
listener.onRevoke((subscription, status) => say('revoked', status));
const made = [
	listener.onStreamOnline(other, e => say('online', e.broadcasterName, e.type, e.startDate instanceof Date)),
	listener.onStreamOffline(other, e => say('offline', e.broadcasterName)),
	listener.onChannelUpdate(other, e => say('update', e.streamTitle, e.categoryName, e.streamLanguage)),
	listener.onChannelFollow(own, own, e => say('follow', e.userName, e.broadcasterName)),
	listener.onChannelSubscription(own, e => say('subscribe', e.userName, e.tier, e.isGift)),
	listener.onChannelRaidTo(own, e => say('raid', e.raidingBroadcasterName, e.viewers)),
	listener.onChannelRaidFrom(own, e => say('raided', e.raidedBroadcasterName)),
	listener.onChannelBan(own, e => say('ban', e.userName, e.reason, e.isPermanent)),
	listener.onChannelUnban(own, e => say('unban', e.userName)),
	listener.onChannelChatMessage(own, own, e => say('message', e.chatterName, e.messageText, e.messageParts.map(p => p.type), e.color)),
	listener.onAutoModMessageHoldV2(own, own, e => say('held', e.userName, e.messageText)),
];
let standing = 0;
listener.onSubscriptionCreateSuccess(() => {
	if (++standing === made.length) {
		say('ready');
	}
});
listener.onSubscriptionCreateFailure((subscription, error) => say('failed', subscription.id, String(error)));
listener.start();
process.stdin.on('end', () => process.exit(0)).resume();

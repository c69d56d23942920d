// One of the clients that people use, unmodified, driven by lines of JSON: what to do on stdin, what the client told its user on stdout.
// The first line says which one, where and as whom.

import readline from 'node:readline';

const tell = (event, more = {}) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');
process.on('unhandledRejection', (cause) => tell('failed', { cause: String(cause) }));

async function tmi({ host, port, login, token }) {
  const { default: library } = await import('tmi.js');
  const client = new library.Client({
    options: { skipUpdatingEmotesets: true },
    connection: { server: host, port, secure: false, reconnect: true, reconnectInterval: 200 },
    identity: { username: login, password: `oauth:${token}` },
  });
  client.on('connected', () => tell('connected'));
  client.on('join', (channel, user, self) => self && tell('joined', { channel }));
  client.on('message', (channel, tags, text, self) => {
    if (!self) tell(tags['message-type'] === 'action' ? 'action' : 'message', { user: tags.username, text, id: tags.id, emotes: tags.emotes });
  });
  client.on('timeout', (channel, user, reason, seconds) => tell('timeout', { user, seconds }));
  client.on('ban', (channel, user) => tell('ban', { user }));
  client.on('clearchat', () => tell('clear'));
  client.on('messagedeleted', (channel, user, text, tags) => tell('deleted', { id: tags['target-msg-id'], user }));
  client.on('notice', (channel, id) => tell('notice', { id }));
  client.on('slowmode', (channel, on, seconds) => tell('slow', { seconds: on ? Number(seconds) : 0 }));
  client.on('subscription', (channel, user) => tell('sub', { user }));
  client.on('resub', (channel, user, streak, text, tags) => tell('resub', { user, months: Number(tags['msg-param-cumulative-months']) }));
  client.on('raided', (channel, user, viewers) => tell('raid', { user, viewers: Number(viewers) }));
  client.on('raw_message', (_, message) => message.command === 'USERSTATE' && tell('userstate', { name: message.tags['display-name'] }));
  await client.connect();
  return {
    join: (channel) => client.join(channel),
    say: (channel, text) => client.say(channel, text),
    act: (channel, text) => client.action(channel, text),
    part: (channel) => client.part(channel),
    ping: () => client.ping(),
  };
}

async function twurple({ host, port, token, client: clientId }) {
  const { ChatClient } = await import('@twurple/chat');
  const { StaticAuthProvider } = await import('@twurple/auth');
  const client = new ChatClient({
    authProvider: new StaticAuthProvider(clientId, token),
    hostName: `${host}:${port}/`, // the only way to give a port: `:80`, which it appends, becomes a part of the path
    ssl: false,
    rejoinChannelsOnReconnect: true,
    logger: { minLevel: 'critical' },
  });
  client.onAuthenticationSuccess(() => tell('connected'));
  client.onAuthenticationFailure((text) => tell('failed', { cause: text }));
  client.onJoin((channel) => tell('joined', { channel }));
  client.onMessage((channel, user, text, message) => tell('message', { user, text, id: message.id, emotes: Object.fromEntries(message.emoteOffsets) }));
  client.onAction((channel, user, text) => tell('action', { user, text }));
  client.onTimeout((channel, user, seconds) => tell('timeout', { user, seconds }));
  client.onBan((channel, user) => tell('ban', { user }));
  client.onChatClear(() => tell('clear'));
  client.onMessageRemove((channel, id, message) => tell('deleted', { id, user: message.userName }));
  client.onMessageFailed((channel, id) => tell('notice', { id }));
  client.onMessageRatelimit(() => tell('notice', { id: 'msg_ratelimit' }));
  client.onSlow((channel, on, seconds) => tell('slow', { seconds: on ? seconds : 0 }));
  client.onSub((channel, user) => tell('sub', { user }));
  client.onResub((channel, user, info) => tell('resub', { user, months: info.months }));
  client.onRaid((channel, user, info) => tell('raid', { user, viewers: info.viewerCount }));
  client.irc.onAnyMessage((message) => {
    if (message.command === 'USERSTATE') tell('userstate', { name: message.tags.get('display-name') });
    if (message.command === 'PONG') tell('pong');
  });
  client.connect();
  return {
    join: (channel) => client.join(channel),
    say: (channel, text) => client.say(channel, text),
    act: (channel, text) => client.action(channel, text),
    part: (channel) => client.part(channel),
    ping: () => client.irc.pingCheck(),
  };
}

async function dank({ host, lines, login, token }) {
  const { ChatClient } = await import('@mastondzn/dank-twitch-irc');
  const client = new ChatClient({
    username: login,
    password: token,
    connection: { type: 'tcp', host, port: lines, secure: false }, // its WebSocket needs an older Node
  });
  client.on('ready', () => tell('connected'));
  client.on('error', (cause) => tell('trouble', { cause: String(cause) }));
  client.on('JOIN', (message) => message.joinedUsername === login && tell('joined', { channel: message.channelName }));
  client.on('PRIVMSG', (message) => {
    const emotes = Object.fromEntries(message.emotes.map((emote) => [emote.id, emote.code]));
    tell(message.isAction ? 'action' : 'message', { user: message.senderUsername, text: message.messageText, id: message.messageID, emotes });
  });
  client.on('CLEARCHAT', (message) => {
    if (message.wasChatCleared()) tell('clear');
    else if (message.isTimeout()) tell('timeout', { user: message.targetUsername, seconds: message.banDuration });
    else tell('ban', { user: message.targetUsername });
  });
  client.on('CLEARMSG', (message) => tell('deleted', { id: message.targetMessageID, user: message.targetUsername }));
  client.on('NOTICE', (message) => tell('notice', { id: message.messageID }));
  client.on('ROOMSTATE', (message) => message.slowModeDuration !== undefined && tell('slow', { seconds: message.slowModeDuration }));
  client.on('USERSTATE', (message) => tell('userstate', { name: message.displayName }));
  client.on('USERNOTICE', (message) => {
    const told = { user: message.senderUsername ?? message.displayName };
    if (message.isRaid()) tell('raid', { ...told, viewers: message.eventParams.viewerCount });
    if (message.isSub()) tell('sub', told);
    if (message.isResub()) tell('resub', { ...told, months: message.eventParams.cumulativeMonths });
  });
  await client.connect();
  return {
    join: (channel) => client.join(channel),
    say: (channel, text) => client.say(channel, text),
    act: (channel, text) => client.me(channel, text),
    part: (channel) => client.part(channel),
    ping: () => client.ping(),
  };
}

let client;
for await (const line of readline.createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (client === undefined) {
    client = await { tmi, twurple, dank }[asked.library](asked);
  } else {
    Promise.resolve(client[asked.do](...asked.with)).then(() => tell('done', { what: asked.do }), (cause) => tell('refused', { what: asked.do, cause: String(cause) }));
  }
}
process.exit();

// A bot on discord.js that does what bots do and checks what it sees; `./dev test --clients` starts it.
// Each line that it prints names the step that begins; SANDBOX and TOKEN say where the sandbox is.

import assert from 'node:assert/strict';
import {
  ActionRowBuilder, ApplicationCommandOptionType as Option, ButtonBuilder, ButtonStyle, Client, Events,
  GatewayIntentBits as Intent, LabelBuilder, MessageFlags, ModalBuilder, Partials, Routes,
  StringSelectMenuBuilder, TextInputBuilder, TextInputStyle,
} from 'discord.js';

const { SANDBOX, TOKEN } = process.env;
/** Longest wait for something that must happen. */
const LONGEST_MS = 15_000;

const client = new Client({
  rest: { api: `${SANDBOX}/api` }, // The only address it needs: the gateway's is asked for there.
  intents: [
    Intent.Guilds, Intent.GuildMessages, Intent.MessageContent, Intent.GuildMessageReactions,
    Intent.GuildMessageTyping, Intent.GuildWebhooks, Intent.DirectMessages,
  ],
  partials: [Partials.Channel],
});

/** Calls one of the sandbox's own routes: what people do. */
async function admin(method, path, body) {
  const answer = await fetch(`${SANDBOX}/sandbox${path}`, { method, body: body && JSON.stringify(body) });
  const json = await answer.json();
  assert.ok(answer.ok, `${method} ${path}: ${JSON.stringify(json)}`);
  return json;
}

const say = (content, more) => admin('POST', '/messages', { content, ...more });
const use = (body) => admin('POST', '/interactions', body);
const outcome = ({ id }) => admin('GET', `/interactions/${id}?wait_ms=${LONGEST_MS}`);

/** The next event of that name that fits. */
function next(name, fits = () => true) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name}`)), LONGEST_MS);
    const listener = (...args) => {
      if (!fits(...args)) return;
      clearTimeout(timer);
      client.off(name, listener);
      resolve(args[0]);
    };
    client.on(name, listener);
  });
}

const message = (content) => next(Events.MessageCreate, (said) => said.content === content);
const refusal = (code) => (error) => error.code === code;

let guild;
let channel;
let said;

async function login() {
  const ready = next(Events.ClientReady);
  await client.login(TOKEN);
  await ready;
  guild = client.guilds.cache.first();
  channel = guild.channels.cache.find(({ name }) => name === 'general');
  assert.ok(channel.permissionsFor(client.user).has('SendMessages'));
  assert.equal((await guild.members.fetchMe()).id, client.user.id);
}

async function chat() {
  const heard = message('hello bot');
  await say('hello bot', { user: 'bob' });
  said = await heard;
  assert.equal(said.author.username, 'bob');
  assert.equal(said.guild.id, guild.id);
  const typing = next(Events.TypingStart);
  await channel.sendTyping();
  assert.equal((await typing).user.id, client.user.id);
  const reply = await said.reply({ content: 'hello person', embeds: [{ title: 'tea', description: 'hot' }] });
  assert.equal((await reply.fetchReference()).id, said.id);
  assert.equal((await reply.edit('hello again')).content, 'hello again');
  const history = await channel.messages.fetch({ limit: 2 });
  assert.deepEqual([...history.keys()], [reply.id, said.id]);
  const gone = next(Events.MessageDelete);
  await reply.delete();
  assert.equal((await gone).id, reply.id);
}

async function changes() {
  const { id } = await say('I changed my mind', { user: 'bob' });
  const changed = next(Events.MessageUpdate, (_, after) => after.content === 'I did not');
  await admin('PATCH', `/channels/${channel.id}/messages/${id}`, { content: 'I did not' });
  await changed;
  const gone = next(Events.MessageDelete, (deleted) => deleted.id === id);
  await admin('DELETE', `/channels/${channel.id}/messages/${id}`);
  await gone;
}

async function refusals() {
  await assert.rejects(channel.messages.fetch('1'), refusal(10_008));
  await assert.rejects(channel.send(' '), refusal(50_006));
  await assert.rejects(said.edit('not mine'), refusal(50_005));
  await assert.rejects(guild.roles.create({ name: 'none' }), refusal(50_013));
}

async function attachments() {
  const sent = await channel.send({ content: 'a file', files: [{ attachment: Buffer.from('tea'), name: 'a.txt', description: 'a cup' }] });
  const own = sent.attachments.first();
  assert.deepEqual([own.name, own.size, own.description], ['a.txt', 3, 'a cup']);
  assert.equal(await (await fetch(own.url)).text(), 'tea');
  const heard = message('mine');
  const data = Buffer.from('milk').toString('base64');
  await say('mine', { attachments: [{ name: 'b.txt', content_type: 'text/plain', data }] });
  const theirs = (await heard).attachments.first();
  assert.equal(await (await fetch(theirs.url)).text(), 'milk');
}

async function reactions() {
  const added = next(Events.MessageReactionAdd);
  await said.react('✅');
  assert.equal((await added).emoji.name, '✅');
  const fresh = await said.fetch(true);
  assert.ok(fresh.reactions.cache.get('✅').me);
  assert.deepEqual([...(await fresh.reactions.cache.get('✅').users.fetch()).keys()], [client.user.id]);
  const removed = next(Events.MessageReactionRemove);
  await fresh.reactions.cache.get('✅').users.remove();
  await removed;
  await said.react(guild.emojis.cache.first());
  const cleared = next(Events.MessageReactionRemoveAll);
  await said.reactions.removeAll();
  await cleared;
}

async function threads() {
  const created = next(Events.ThreadCreate);
  const thread = await said.startThread({ name: 'talk', autoArchiveDuration: 60 });
  assert.equal((await created).id, thread.id);
  assert.equal(thread.parent.id, channel.id);
  const heard = message('inside');
  await say('inside', { user: 'bob', channel_id: thread.id });
  assert.equal((await heard).channel.id, thread.id);
  await thread.send('me too');
  const active = await guild.channels.fetchActiveThreads();
  assert.ok(active.threads.has(thread.id));
  const archived = next(Events.ThreadUpdate, (_, after) => after.archived);
  await thread.setArchived(true);
  await archived;
  assert.ok((await channel.threads.fetchArchived()).threads.has(thread.id));
  const opened = next(Events.ThreadUpdate, (_, after) => !after.archived);
  await thread.send('awake');
  await opened;
  await thread.delete();
  await assert.rejects(client.channels.fetch(thread.id, { force: true }), refusal(10_003));
}

async function webhooks() {
  const hook = await channel.createWebhook({ name: 'hook' });
  assert.ok((await channel.fetchWebhooks()).has(hook.id));
  const heard = message('as Mio');
  const spoken = await hook.send({ content: 'as Mio', username: 'Mio' });
  const { webhookId, author } = await heard;
  assert.deepEqual([webhookId, author.username], [hook.id, 'Mio']);
  const changed = await hook.editMessage(spoken.id, 'as Rin');
  assert.equal(changed.content, 'as Rin');
  await hook.deleteMessage(spoken.id);
  await hook.delete();
  await assert.rejects(hook.send('gone'), refusal(10_015));
}

async function direct() {
  const bob = await client.users.fetch(said.author.id);
  const { channel: conversation } = await bob.send('only for you');
  const heard = message('and for you');
  await say('and for you', { user: 'bob', dm: true });
  assert.equal((await heard).channelId, conversation.id);
  await admin('POST', '/rights', { user: 'bob', refuses_direct: true });
  await assert.rejects(bob.send('still there?'), refusal(50_007));
}

const COMMANDS = [
  {
    name: 'pour',
    description: 'pours something',
    options: [
      { type: Option.String, name: 'what', description: 'what it is', required: true, autocomplete: true },
      { type: Option.Integer, name: 'cups', description: 'how many', min_value: 1, max_value: 9 },
      { type: Option.User, name: 'for', description: 'for whom' },
    ],
  },
  { name: 'panel', description: 'shows a panel' },
];

async function commands() {
  const registered = await client.application.commands.set(COMMANDS);
  assert.deepEqual(registered.map(({ name }) => name).sort(), ['panel', 'pour']);
  const typed = next(Events.InteractionCreate);
  const question = await use({ invoke: { name: 'pour', options: [{ name: 'what', value: 'gr' }], focused: 'what' } });
  const asked = await typed;
  assert.ok(asked.isAutocomplete());
  assert.equal(asked.options.getFocused(), 'gr');
  await asked.respond([{ name: 'green tea', value: 'green' }]);
  assert.equal((await outcome(question)).choices[0].value, 'green');

  const used = next(Events.InteractionCreate);
  const started = await use({ user: 'bob', command: '/pour what:green cups:2 for:bob' });
  const pour = await used;
  assert.ok(pour.isChatInputCommand());
  assert.equal(pour.options.getString('what'), 'green');
  assert.equal(pour.options.getInteger('cups'), 2);
  assert.equal(pour.options.getUser('for').username, 'bob');
  await pour.deferReply();
  await pour.editReply('two cups of green');
  const more = await pour.followUp({ content: 'only you know', flags: MessageFlags.Ephemeral });
  assert.ok(more.flags.has(MessageFlags.Ephemeral));
  assert.equal((await pour.fetchReply()).interactionMetadata.user.username, 'bob');
  const seen = await outcome(started);
  assert.equal(seen.message.content, 'two cups of green');
  assert.equal(seen.follow_ups[0].content, 'only you know');
  await pour.deleteReply(more);
}

const row = (...parts) => new ActionRowBuilder().addComponents(...parts);
const button = new ButtonBuilder().setCustomId('open').setLabel('Open').setStyle(ButtonStyle.Primary);
const select = new StringSelectMenuBuilder().setCustomId('choose')
  .addOptions({ label: 'Tea', value: 'tea' }, { label: 'Milk', value: 'milk' });
const form = new ModalBuilder().setCustomId('form').setTitle('Order').addLabelComponents(
  new LabelBuilder().setLabel('Name').setTextInputComponent(
    new TextInputBuilder().setCustomId('name').setStyle(TextInputStyle.Short)));

async function components() {
  const used = next(Events.InteractionCreate);
  const started = await use({ command: '/panel' });
  const panel = await used;
  await panel.reply({ content: 'choose', components: [row(button), row(select)], flags: MessageFlags.Ephemeral });
  const { message: { id } } = await outcome(started);

  const chosen = next(Events.InteractionCreate);
  const choice = await use({ component: { message_id: id, custom_id: 'choose', values: ['milk'] } });
  const choosing = await chosen;
  assert.ok(choosing.isStringSelectMenu());
  assert.deepEqual(choosing.values, ['milk']);
  await choosing.deferUpdate();
  await choosing.editReply({ content: 'milk it is', components: [row(button)] });
  assert.equal((await outcome(choice)).message.content, 'milk it is');

  const pressed = next(Events.InteractionCreate);
  const press = await use({ component: { message_id: id, custom_id: 'open' } });
  const opening = await pressed;
  assert.ok(opening.isButton());
  await opening.showModal(form);
  assert.equal((await outcome(press)).modal.title, 'Order');

  const filled = next(Events.InteractionCreate);
  const submit = await use({ form: { interaction_id: press.id, fields: { name: 'Mio' } } });
  const filling = await filled;
  assert.ok(filling.isModalSubmit() && filling.isFromMessage());
  assert.equal(filling.fields.getTextInputValue('name'), 'Mio');
  await filling.update({ content: 'milk for Mio', components: [] });
  assert.equal((await outcome(submit)).message.content, 'milk for Mio');
  const twice = client.rest.post(Routes.interactionCallback(filling.id, filling.token), { body: { type: 6 }, auth: false });
  await assert.rejects(twice, refusal(40_060));
}

async function resume() {
  for (const order of [{ action: 'drop' }, { action: 'reconnect' }]) {
    const resumed = next(Events.ShardResume);
    const missed = message(`while you were away: ${order.action}`);
    await admin('POST', '/gateway', order);
    await say(`while you were away: ${order.action}`);
    await Promise.all([resumed, missed]);
  }
  const again = next(Events.ShardReady);
  await admin('POST', '/gateway', { action: 'invalidate', resumable: false });
  await again;
}

const STEPS = [
  login, chat, changes, refusals, attachments, reactions, threads, webhooks, direct, commands, components, resume,
];

try {
  for (const step of STEPS) {
    console.log(step.name);
    await step();
  }
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
await client.destroy();

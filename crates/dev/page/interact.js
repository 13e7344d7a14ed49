// Uses commands, components and forms, and shows what comes of it.

import * as api from './api.js';
import { toast } from './dom.js';
import { openForm } from './form.js';
import { state } from './state.js';

/** One wait of the sandbox; it is asked again while an answer is still owed. */
const WAIT_MS = 20000;

/** Does something with the bot in a channel and waits for its first sign of life. */
export async function interact(channelId, what) {
  const started = await api.post('/interactions', { user: state.user, channel_id: channelId, ...what });
  if (what.invoke && !what.invoke.focused) {
    state.used.set(started.id, [what.invoke.name, ...(what.invoke.path ?? [])].join(' '));
  }
  const seen = await api.get(`/interactions/${started.id}`, { wait_ms: what.invoke?.focused ? 3000 : WAIT_MS, first: true });
  if (seen.state === 'failed') throw new Error('The application did not respond in time');
  if (seen.modal && seen.answer_type === 9) {
    openForm(seen.modal, (fields, files) => interact(channelId, { form: { interaction_id: started.id, fields }, files }));
  }
  return seen;
}

/** Uses a command of the menu of a message or a person. */
export async function useOn(channelId, { name, type }, targetId) {
  try {
    await interact(channelId, { invoke: { name, type, target_id: targetId } });
  } catch (error) {
    toast(error.message, 'problem');
  }
}

/** Asks for choices of the option that is being typed. */
export async function choicesFor(channelId, invoke) {
  try {
    const seen = await interact(channelId, { invoke });
    return seen.choices ?? [];
  } catch (error) {
    toast(error.message, 'problem');
    return [];
  }
}

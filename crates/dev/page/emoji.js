// A small table of emojis by their usual names, and a picker.

import { h, fill } from './dom.js';
import { openMenu } from './dialogs.js';

const TABLE = `grinning 😀 smile 😄 joy 😂 rofl 🤣 wink 😉 blush 😊 heart_eyes 😍 kissing_heart 😘 thinking 🤔 neutral 😐
smirk 😏 roll_eyes 🙄 relieved 😌 sleeping 😴 sunglasses 😎 confused 😕 worried 😟 open_mouth 😮 flushed 😳 pleading 🥺 cry 😢 sob 😭
scream 😱 angry 😠 exploding_head 🤯 partying 🥳 nerd 🤓 shushing 🤫 salute 🫡 melting 🫠 skull 💀 clown 🤡 ghost 👻 robot 🤖 cat 🐱 dog 🐶
fox 🦊 crab 🦀 butterfly 🦋 thumbsup 👍 thumbsdown 👎 ok_hand 👌 wave 👋 clap 👏 raised_hands 🙌 pray 🙏 muscle 💪 eyes 👀 brain 🧠
heart ❤️ orange_heart 🧡 yellow_heart 💛 green_heart 💚 blue_heart 💙 purple_heart 💜 broken_heart 💔 sparkles ✨ star ⭐ fire 🔥 zap ⚡ boom 💥
sun ☀️ rainbow 🌈 cloud ☁️ snowflake ❄️ lantern 🏮 candle 🕯️ bulb 💡 rocket 🚀 tada 🎉 gift 🎁 trophy 🏆 art 🎨 music 🎵 book 📖
pencil ✏️ pin 📌 clip 📎 lock 🔒 key 🔑 gear ⚙️ wrench 🔧 bug 🐛 hourglass ⏳ calendar 📅 chart 📈 mail 📧 phone 📱 computer 💻 camera 📷
check ✅ x ❌ warning ⚠️ question ❓ exclamation ❗ hundred 💯 coffee ☕ tea 🍵 pizza 🍕 cake 🍰 apple 🍎 cherry_blossom 🌸 seedling 🌱 earth 🌍`;

const words = TABLE.split(/\s+/);
const EMOJIS = words.filter((_, at) => at % 2 === 0).map((name, at) => ({ name, character: words[at * 2 + 1] }));
const BY_NAME = new Map(EMOJIS.map(({ name, character }) => [name, character]));

/** Finds emojis whose name has these letters. */
export function findEmojis(letters, most = 8) {
  const wanted = letters.toLowerCase();
  const starts = EMOJIS.filter(({ name }) => name.startsWith(wanted));
  const has = EMOJIS.filter(({ name }) => name.includes(wanted) && !name.startsWith(wanted));
  return [...starts, ...has].slice(0, most);
}

/** Turns `:name:` into the emoji. */
export const withEmojis = (text) => text.replace(/:(\w{1,32}):/g, (whole, name) => BY_NAME.get(name) ?? whole);

/** Lets somebody pick an emoji beside `anchor`. */
export function pickEmoji(anchor, onPick) {
  const grid = h('div', { class: 'emoji-grid' });
  const search = h('input', { class: 'field', type: 'search', placeholder: 'Find an emoji', 'aria-label': 'Find an emoji' });
  const show = () => fill(grid, findEmojis(search.value, 200).map(({ name, character }) => h('button', {
    class: 'emoji-pick', type: 'button', title: `:${name}:`, 'aria-label': name,
    on: { click: () => { close(); onPick(character); } },
  }, character)));
  search.addEventListener('input', show);
  search.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    grid.querySelector('button')?.click();
  });
  show();
  const close = openMenu(anchor, h('div', { class: 'emoji-picker' }, search, grid), 'Emojis');
  search.focus();
}

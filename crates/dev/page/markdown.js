// Reads the markdown of messages into a tree of plain objects. It knows nothing of the page, and
// nothing it returns is ever read as markup: `text.js` turns the tree into elements.
//
// Blocks: { type: 'code' | 'heading' | 'small' | 'quote' | 'list' | 'text', … }
// Inline: strings and { type: 'strong' | 'em' | 'under' | 'strike' | 'spoiler' | 'code' | 'link' |
// 'user' | 'role' | 'channel' | 'emoji' | 'time' | 'command' | 'all', … }

const DEEPEST = 12;
const FENCE = /```(?:([\w+#.-]{1,20})\n)?\n*([\s\S]*?)\n*```/;

/** Reads a whole message. */
export function parse(source, depth = 0) {
  const blocks = [];
  let rest = source.replaceAll('\r\n', '\n');
  for (let fence = FENCE.exec(rest); fence; fence = FENCE.exec(rest)) {
    // Three ticks around nothing are no block.
    if (fence[2].trim() === '') {
      blocks.push(...lines(rest.slice(0, fence.index + fence[0].length), depth));
    } else {
      blocks.push(...lines(rest.slice(0, fence.index).replace(/\n$/, ''), depth));
      blocks.push({ type: 'code', language: fence[1] ?? '', text: fence[2] });
    }
    rest = rest.slice(fence.index + fence[0].length).replace(/^\n/, '');
  }
  blocks.push(...lines(rest, depth));
  return blocks;
}

function lines(source, depth) {
  if (source === '') return [];
  const blocks = [];
  const all = source.split('\n');
  let text = [];
  const flush = () => {
    if (text.length > 0) blocks.push({ type: 'text', inline: inline(text.join('\n')) });
    text = [];
  };
  for (let at = 0; at < all.length; at += 1) {
    const line = all[at];
    const heading = /^(#{1,3}) +(.+)$/.exec(line);
    const small = /^-# +(.+)$/.exec(line);
    const isQuote = depth < DEEPEST && /^> /.test(line);
    if (depth < DEEPEST && /^>>> /.test(line)) {
      flush();
      const inner = [line.slice(4), ...all.slice(at + 1)].join('\n');
      blocks.push({ type: 'quote', blocks: parse(inner, DEEPEST) });
      return blocks;
    }
    if (heading) {
      flush();
      blocks.push({ type: 'heading', level: heading[1].length, inline: inline(heading[2]) });
    } else if (small) {
      flush();
      blocks.push({ type: 'small', inline: inline(small[1]) });
    } else if (isQuote) {
      flush();
      const quoted = [];
      while (at < all.length && /^> ?/.test(all[at])) quoted.push(all[at++].replace(/^> ?/, ''));
      at -= 1;
      blocks.push({ type: 'quote', blocks: parse(quoted.join('\n'), DEEPEST) });
    } else if (isItem(line)) {
      flush();
      const items = [];
      while (at < all.length && isItem(all[at]) && goesOn(items, item(all[at]))) items.push(item(all[at++]));
      at -= 1;
      blocks.push(list(items));
    } else {
      text.push(line);
    }
  }
  flush();
  return blocks;
}

const ITEM = /^( *)(?:([-*])|(\d{1,9})\.) +(\S.*)$/;
const isItem = (line) => ITEM.test(line);

function item(line) {
  const [, indent, , number, text] = ITEM.exec(line);
  return { depth: indent.length, number: number ? Number(number) : null, text };
}

/** Numbers after dots, or dots after numbers, are another list. */
function goesOn([top], next) {
  return !top || next.depth > top.depth || (next.number === null) === (top.number === null);
}

function list(items) {
  const top = items[0].depth;
  const result = { type: 'list', start: items[0].number, items: [] };
  for (let at = 0; at < items.length; at += 1) {
    const one = items[at];
    if (one.depth > top && result.items.length > 0) {
      const nested = [];
      while (at < items.length && items[at].depth > top) nested.push(items[at++]);
      at -= 1;
      result.items.at(-1).nested = list(nested);
    } else {
      result.items.push({ inline: inline(one.text), nested: null });
    }
  }
  return result;
}

// Each rule stands at the beginning of what is left; the first that fits wins.
const RULES = [
  [/^\\([^\sA-Za-z0-9])/, (m) => m[1]],
  [/^(`{1,2})([^`](?:[\s\S]*?[^`])??)\1(?!`)/, (m) => ({ type: 'code', text: m[2] })],
  [/^\|\|([\s\S]+?)\|\|/, (m, d) => ({ type: 'spoiler', inline: inline(m[1], d) })],
  [/^\*\*\*((?:\\[\s\S]|[^\\*])+)\*\*\*/, (m, d) => ({ type: 'strong', inline: [{ type: 'em', inline: inline(m[1], d) }] })],
  [/^\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/, (m, d) => ({ type: 'strong', inline: inline(m[1], d) })],
  [/^__((?:\\[\s\S]|[^\\])+?)__(?!_)/, (m, d) => ({ type: 'under', inline: inline(m[1], d) })],
  [/^\*(?![\s*])((?:\\[\s\S]|[^\\*]|\*\*)+?)\*(?!\*)/, (m, d) => ({ type: 'em', inline: inline(m[1], d) })],
  [/^_((?:\\[\s\S]|[^\\_]|__)+?)_(?![\w])/, (m, d) => ({ type: 'em', inline: inline(m[1], d) })],
  [/^~~((?:\\[\s\S]|[^\\])+?)~~(?!~)/, (m, d) => ({ type: 'strike', inline: inline(m[1], d) })],
  [/^<@!?(\d{1,20})>/, (m) => ({ type: 'user', id: m[1] })],
  [/^<@&(\d{1,20})>/, (m) => ({ type: 'role', id: m[1] })],
  [/^<#(\d{1,20})>/, (m) => ({ type: 'channel', id: m[1] })],
  [/^<(a?):(\w{2,32}):(\d{1,20})>/, (m) => ({ type: 'emoji', isAnimated: m[1] === 'a', name: m[2], id: m[3] })],
  [/^<t:(-?\d{1,13})(?::([tTdDfFR]))?>/, (m) => ({ type: 'time', seconds: Number(m[1]), style: m[2] ?? 'f' })],
  [/^<\/([\w\- ]{1,100}):\d{1,20}>/, (m) => ({ type: 'command', name: m[1] })],
  [/^<(https?:\/\/[^\s<>]+)>/, (m) => ({ type: 'link', url: m[1], inline: [m[1]] })],
  [/^\[([^\]\n]+)\]\(<?(https?:\/\/[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)>?\)/, (m, d) => ({ type: 'link', url: m[2], inline: inline(m[1], d) })],
  [/^https?:\/\/(?:[^\s<>()]|\([^\s<>()]*\))*(?:\([^\s<>()]*\)|[^\s<>()"'.,:;!?\]|*_~`])/, (m) => ({ type: 'link', url: m[0], inline: [m[0]] })],
  [/^@(everyone|here)\b/, (m) => ({ type: 'all', name: m[1] })],
];
const PLAIN = /^[^\\`|*_~<[@h]+|^\w+/;

/** Reads what stands within a line. */
export function inline(source, depth = 0) {
  if (depth > DEEPEST) return [source];
  const parts = [];
  let rest = source;
  const text = (more) => {
    if (typeof parts.at(-1) === 'string') parts.push(parts.pop() + more);
    else parts.push(more);
  };
  while (rest !== '') {
    const before = typeof parts.at(-1) === 'string' ? parts.at(-1).at(-1) : '';
    const found = first(rest, before);
    if (found) {
      const made = found.make(found.match, depth + 1);
      if (typeof made === 'string') text(made);
      else parts.push(made);
      rest = rest.slice(found.match[0].length);
    } else {
      const plain = PLAIN.exec(rest)?.[0] ?? rest[0];
      text(plain);
      rest = rest.slice(plain.length);
    }
  }
  return parts;
}

function first(rest, before) {
  for (const [pattern, make] of RULES) {
    const match = pattern.exec(rest);
    // An underscore within a word is part of the word.
    const isInWord = match && rest[0] === '_' && rest[1] !== '_' && /\w/.test(before ?? '');
    if (match && !isInWord) return { match, make };
  }
  return null;
}

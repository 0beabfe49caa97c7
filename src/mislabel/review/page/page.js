// The review page: one row at a time or a list, decided by keyboard. No library, no build step.
// Whatever comes from the data is set as text, never as markup.
'use strict';

const KINDS = { keep: 'keep', suggestion: 'suggestion', label: 'another class', unsure: 'not sure', none: 'none of these' };
const PAGE = 50; // rows of the list at once
const AHEAD = 3; // rows fetched before they are asked for
const ASK_ABOVE = 200; // rows that one decision takes without asking first
const DIGITS = 9;
const WIDEST = 0.5; // an interval above which the curve shows nothing
const FEW = 10; // random checks below which only an interval is told
const UNSEEN = 350; // milliseconds in which nobody reads a row and finds a button for it
const PATIENCE = 15000; // milliseconds after which a server is said not to answer
const LONG = 60000; // for what it may have to do for a million rows

const $ = (id) => document.getElementById(id);
const number = (value) => value.toLocaleString('en');
const percent = (share) => {
  if (share === null) return '–';
  const fine = (share >= 0.0005 && share < 0.1) || (share > 0.9 && share < 0.9995);
  return `${(share * 100).toFixed(fine ? 1 : 0)}%`;
};
const counted = (count, word) => `${number(count)} ${word}${count === 1 ? '' : 's'}`;
const rows = (count) => counted(count, 'row');
const label = (code) => (code === null || code === undefined ? '–' : run.classes[code]);
const arrow = (one) => `${label(one.given)} → ${label(one.suggested)}`;
const named = (kind, code) => (kind === 'label' ? `${KINDS.label}: ${label(code)}` : KINDS[kind]);
const job_words = (job) => (job.undo ? `undo ${job.undo.what || ''}` : `${named(job.kind, job.label)} · ${job.what}`);
const clock = (time = new Date()) => time.toLocaleTimeString('en-GB');
const dialog = () => document.querySelector('dialog[open]');

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

// Words of the data may run from right to left wherever they stand.
const say = (tag, textContent, className = '') => make(tag, { textContent, className, dir: 'auto' });

function action(words, className, act) {
  const button = make('button', { type: 'button', className, textContent: words });
  button.addEventListener('click', act);
  return button;
}

async function ask(path, body, patience = body ? LONG : PATIENCE) {
  const post = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, { ...(body && post), signal: AbortSignal.timeout(patience) });
  // No JSON at all, a server that died within its answer, or one that became silent in it.
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  if (response.ok) throw new Error('the answer came only in part');
  throw Object.assign(new Error(answer?.error || `the server answered ${response.status}`), { status: response.status });
}

let run; // what api/run says
let number_seen = 0; // the last event that this page knows
let number_first = 0; // the last event when it was opened: what is newer and not its own, another window decided
let shown = null; // the row on the screen, how one came to it and when: nothing can be decided but this one
let showing = 0; // counts what was asked to be shown, so that a late answer does not overwrite a newer one
let view = 'row';
const cache = new Map(); // rows and neighbours as the server gave them
const latest = new Map(); // decisions heard of since, by row; they stand above what is in the cache
const own = new Set(); // actions of this window

/* What must survive a reload. The address holds the token: another server's rows are never mixed with this one's. */

const KEPT = `mislabel ${location.pathname}`;
// trail: the rows gone through, `at` the one shown, or behind the last one for what the queue gives next;
// detours: rows looked at beside the way, neighbours say; done: what U takes back; outbox: what the server has not
// confirmed yet, oldest first.
const session = { trail: [], at: 0, detours: [], after: 0, done: [], outbox: [], list: 'list' };

// Before anything is pressed: what is kept must not be written over by an empty session.
try {
  const kept = JSON.parse(sessionStorage.getItem(KEPT)) || {};
  const fits = (name) => typeof kept[name] === typeof session[name] && Array.isArray(kept[name]) === Array.isArray(session[name]);
  if (Object.keys(session).every(fits)) Object.assign(session, kept);
} catch {
  // A forbidden store, or one that holds something else, costs what was kept; the page works.
}

function keep() {
  if (session.trail.length > 1000) {
    const before = Math.min(session.at, session.trail.length - 500);
    session.trail.splice(0, before);
    session.at -= before;
  }
  session.done = session.done.slice(-500);
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(session));
  } catch {
    // A full or forbidden store costs the place after a reload, no decision.
  }
}

/* Decisions: shown at once, sent one after another, said to be saved when the server says so. */

let sending = false;
let lost = false; // whether what was sent last was not heard at all
let wake = () => {};

const pause = (time) => new Promise((resolve) => {
  wake = resolve;
  setTimeout(resolve, time);
});

function post(job) {
  session.outbox.push({ key: crypto.randomUUID(), since: number_seen, ...job });
  keep();
  send();
}

async function send() {
  if (sending) return;
  sending = true;
  for (let tries = 0; session.outbox.length; ) {
    const job = session.outbox[0];
    $('saved').textContent = tries ? $('saved').textContent : 'saving …';
    try {
      const answer = await ask(job.undo ? 'api/undo' : 'api/decide', body(job));
      session.outbox.shift();
      tries = 0;
      await accepted(job, answer);
    } catch (error) {
      // Refused for good, or not heard at all: then the same key is sent again, which the server counts once.
      if (error.status >= 400 && error.status < 500 && error.status !== 404) {
        session.outbox.shift();
        tries = 0;
        refused(job, error);
      } else {
        lost = !error.status;
        unreachable(error, 'send');
        await pause(Math.min(15000, 500 * 2 ** tries++));
      }
    }
    keep();
  }
  sending = false;
}

// The answer tells what changed since the job was made here: its own rows are always among that, after a reload too.
function body(job) {
  if (job.undo) return { key: job.key, action: job.undo.action ?? null, since: job.since };
  const { key, kind, rows, filter, digest, place, since } = job;
  return { key, kind, label: job.label ?? null, since, rows, filter, digest, place };
}

async function accepted(job, answer) {
  heard('send');
  if (!job.undo) own.add(answer.action);
  for (const entry of [...session.done, ...session.outbox.map((other) => other.undo || {})]) {
    if (entry.key === job.key) entry.action = answer.action;
  }
  const still = job.still?.(); // the person has not gone elsewhere since
  apply(answer.state, true);
  if (job.undo && still && !job.undo.back && answer.undone.length) jump(answer.undone[0]);
  if (view === 'list') fillList();
  const words = job.undo ? `undone: ${job.undo.what || (await said(answer.undone))}` : `${job_words(job)} — U undoes`;
  $('saved').textContent = job.undo ? `${clock()} · ${words}` : `saved ${clock()} · ${words}`;
}

async function said(list) {
  const one = list.length === 1 && (await fetched(list[0]).catch(() => null));
  return one ? one.id : rows(list.length);
}

function refused(job, error) {
  heard('send');
  const entry = job.undo || session.done.find((one) => one.key === job.key) || {};
  session.done = session.done.filter((one) => one.key !== job.key);
  session.outbox = session.outbox.filter((other) => other.undo?.key !== job.key);
  $('saved').textContent = '';
  const what = job.undo ? `not undone: ${entry.what || 'the last decision'}` : `not saved: ${job_words(job)}`;
  refusal(`${what}: ${error.message}`);
  for (const row of job.rows || entry.rows || []) latest.delete(row), cache.delete(row);
  restart(); // it may have passed over what counted as decided
  if (view === 'list') fillList();
  else jump(job.rows?.length === 1 ? job.rows[0] : null);
}

/* What goes wrong stands above the page: what the server refused until it is closed, what does not work until it does. */

const refusals = new Set();
const troubles = new Map(); // by what was asked

function unreachable(error, asked) {
  if (session.outbox.length) $('saved').textContent = 'waiting for the server …';
  troubles.set(asked, error.status === 404
    ? 'The server was started anew, under another address: open the one that it printed, and decide these again.'
    : error.status
      ? `${error.message}. It is tried again by itself.`
      : 'The server does not answer. It is tried again by itself; if you stopped it, start mislabel review again.');
  showBanner();
}

function heard(asked) {
  if (troubles.delete(asked)) showBanner();
}

function refusal(words) {
  refusals.add(words);
  showBanner();
}

function showBanner() {
  const waiting = session.outbox.map(job_words);
  const list = waiting.slice(0, 5).join('; ') + (waiting.length > 5 ? `; and ${waiting.length - 5} more` : '');
  const why = [...new Set(troubles.values())].join(' ');
  const words = [...refusals, why && waiting.length ? `not saved: ${list}. ${why}` : why].filter(Boolean).join('\n');
  if ($('trouble').textContent !== words) $('trouble').textContent = words; // it is read aloud when it changes
  $('banner').hidden = !words;
  $('retry').hidden = !why;
}

// What a decision is about: the row on the screen, or what is chosen in the list. A dialog keeps what it was opened for.
function target() {
  if (view === 'row') return shown && { rows: [shown.row.row], count: 1, what: shown.row.id, on: shown };
  const { filter, digest, total } = list;
  if (all) return { filter, digest, count: total, what: rows(total) };
  const what = chosen.size === 1 ? [...chosen.values()][0] : rows(chosen.size);
  return chosen.size ? { rows: [...chosen.keys()], count: chosen.size, what } : null;
}

function decide(kind, code = null, about = target()) {
  if (!about || (about.on && !possible(kind, about.on.row))) return;
  about.count > ASK_ABOVE ? askFirst(kind, code, about) : record(kind, code, about);
}

function record(kind, code, { rows, filter, digest, what, on }) {
  const entry = { key: crypto.randomUUID(), what };
  if (on) Object.assign(entry, { rows, before: decisionOf(on.row), look: on.look });
  for (const row of rows || []) latest.set(row, { kind, label: code, waiting: true });
  session.done.push(entry);
  post({ key: entry.key, kind, label: code, rows, filter, digest, place: on?.look.place ?? undefined, what });
  if (!on) chooseNone();
  else if (current() === on.look) forward(true);
}

const possible = (kind, row) => (kind !== 'keep' || row.given !== null) && (kind !== 'suggestion' || row.suggested !== null);

function undo() {
  const entry = session.done.pop();
  if (entry?.look && view === 'row') {
    latest.set(entry.look.row, entry.before);
    entry.back = true; // the row is on the screen before the server has answered
    const at = session.trail.findIndex((look) => look.row === entry.look.row);
    session.detours = at < 0 ? [entry.look] : [];
    if (at >= 0) session.at = at;
    showRow();
  }
  const from = view === 'row' && showing;
  post({ undo: entry || {}, still: () => view === 'row' && showing === from }); // not known any more after a reload
}

/* What other windows and the server say. */

function decisionOf(row) {
  return latest.has(row.row) ? latest.get(row.row) : row.decision;
}

const isDecided = (look) => Boolean(decisionOf(cache.get(look.row) || look));
const elsewhere = (one) => one.source === 'page' && one.number > number_first && !own.has(one.action);

function apply(state, mine = false) {
  if (state.number < number_seen) return poll();
  const waiting = new Set(session.outbox.flatMap((job) => job.rows || job.undo?.rows || []));
  let skipped = false;
  if (state.reset) {
    for (const row of latest.keys()) if (!waiting.has(row)) latest.delete(row);
    cache.clear();
    restart();
  }
  for (const { row, decision } of state.changed) {
    if (waiting.has(row)) skipped = true; // what was pressed here comes after it
    else latest.set(row, decision && { ...decision, elsewhere: elsewhere(decision) });
  }
  const news = state.number > number_seen;
  if (!skipped) number_seen = state.number;
  showNumbers(state);
  if (news) estimateSoon();
  if (news && view === 'row' && !$('end').hidden) showEnd();
  if (!state.changed.length && !state.reset) return;
  if (shown && state.reset) showRow();
  else if (shown) showDecision(), showNeighbours();
  if (view === 'list' && !mine) state.reset ? fillList() : markList();
}

let polling = false;

async function poll() {
  if (document.hidden || polling) return;
  polling = true;
  try {
    apply(await ask(`api/state?since=${number_seen}`));
    heard('poll');
    if (lost) wake();
  } catch (error) {
    unreachable(error, 'poll');
  }
  polling = false;
}

function showNumbers(state) {
  const done = state.looks - state.left;
  $('progress').max = Math.max(1, state.looks);
  $('progress').value = done;
  const parts = [[number(done), ` of ${number(state.looks)} decided`], [number(state.left), ' left']];
  if (state.per_minute) {
    const minutes = Math.max(1, Math.round(state.left / state.per_minute));
    parts.push([state.per_minute.toFixed(state.per_minute < 10 ? 1 : 0), ' a minute']);
    if (state.left) parts.push([minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`, ' to go']);
  }
  $('numbers').replaceChildren(...parts.map(([value, words]) => make('span', {}, make('b', { textContent: value }), words)));
  showNumbers.state = state;
}

/* The way through the rows. */

const current = () => session.detours.at(-1) || session.trail[session.at] || null;
let ahead; // what the queue gives next: looks that are fetched, up to where it was asked, whether that was all
restart();

// A new look-ahead, so that answers to the one before end up nowhere.
function restart() {
  ahead = { looks: [], asked: session.after, end: false, filling: null };
}

function fill() {
  const mine = ahead;
  mine.filling ??= fetchAhead(mine).finally(() => {
    mine.filling = null;
  });
  return mine.filling;
}

async function fetchAhead(mine) {
  while (mine.looks.length < AHEAD && !mine.end) {
    const look = await ask(`api/next?after=${mine.asked}`);
    if (look.place === null) mine.end = true;
    else {
      mine.asked = look.place + 1;
      cache.set(look.row.row, look.row);
      mine.looks.push({ place: look.place, row: look.row.row, probe: look.probe });
      if (look.row.image) new Image().src = look.row.image;
    }
  }
}

// The look that comes next, which stays where it is until its row is shown.
async function nextLook() {
  for (;;) {
    while (ahead.looks.length && isDecided(ahead.looks[0])) ahead.looks.shift(); // in the list or another window
    if (ahead.looks.length || ahead.end) return ahead.looks[0];
    await fill();
  }
}

function forward(decided = false) {
  if (session.detours.pop()) {
    const here = current();
    if (here && !(decided && isDecided(here))) return showRow();
  }
  do session.at++;
  while (decided && session.at < session.trail.length && isDecided(session.trail[session.at]));
  session.at = Math.min(session.at, session.trail.length);
  showRow();
}

function back() {
  if (session.detours.length) session.detours.pop();
  else if (session.at > 0) session.at--;
  else return;
  showRow();
}

function detour(look, sudden) {
  if (current()?.row !== look.row) session.detours.push(look);
  showRow(sudden);
}

// The page goes to a row by itself, but never behind a dialog.
function jump(row) {
  if (dialog()) return shown && showDecision();
  if (row === null || row === current()?.row) return showRow();
  detour(session.trail.find((look) => look.row === row) || { row, place: null }, true);
}

async function fetched(row) {
  if (!cache.has(row)) {
    if (cache.size > 2000) cache.clear();
    cache.set(row, await ask(`api/rows/${row}`));
  }
  return cache.get(row);
}

/* One row. */

// `sudden`: no key asked for it, so that one pressed right then is meant for what was there before.
async function showRow(sudden = false) {
  const mine = ++showing;
  keep();
  shown = null;
  const wait = setTimeout(() => mine === showing && part('waiting'), 150);
  try {
    const look = current() || (await nextLook());
    const row = look && (await fetched(look.row));
    if (mine !== showing) return;
    heard('row');
    if (!current()) {
      if (look ? look !== ahead.looks[0] : !ahead.end) return showRow(sudden); // the queue begins anew
      if (!look) return showEnd();
      session.trail.push(ahead.looks.shift());
      session.after = look.place + 1;
      keep();
    }
    shown = { row, look, at: performance.now(), sudden: sudden || $('chooser').open };
    fillRow(row, look);
    showDecision();
    showNeighbours();
    if ($('chooser').open && !choosing) choosing = target(), filterClasses(); // it waited for this row
    fill().catch(() => {});
  } catch (error) {
    if (mine !== showing) return;
    if (error.status && session.detours.pop()) {
      refusal(error.message); // an address of a row that is not there
      return showRow(sudden);
    }
    unreachable(error, 'row');
    setTimeout(() => mine === showing && showRow(sudden), 1500);
  } finally {
    clearTimeout(wait);
  }
}

function part(name) {
  for (const one of ['row', 'end', 'waiting']) $(one).hidden = one !== name;
}

function fillRow(row, look) {
  part('row');
  $('row-id').textContent = row.id;
  $('row-where').textContent = where(look);
  $('row-probe').hidden = !look.probe;
  $('row-status').hidden = row.status === 'judged';
  $('row-status').textContent = row.status.replaceAll('_', ' ');
  $('given').textContent = label(row.given);
  $('suggested').textContent = label(row.suggested);
  $('suggested').classList.toggle('same', row.suggested === row.given);
  const unjudged = row.p_mislabeled === null;
  const chance = `The given label is ${percent(row.p_mislabeled)} likely wrong.`;
  $('chance').textContent = unjudged ? 'The run does not judge this row.' : chance;
  $('content').replaceChildren(content(row));
  $('content').className = `card ${row.image ? 'picture' : run.modality}`;
  $('content').classList.toggle('long', (row.text || '').length > 900);
  $('content').scrollTop = 0;
  $('bars').replaceChildren(...row.posterior.map((bar, place) => barOf(bar, place, row)));
  $('bars-part').hidden = !row.posterior.length;
  $('why').replaceChildren(...row.why.map((sentence) => make('li', { textContent: sentence })));
  $('why-part').hidden = !row.why.length;
  showButtons();
  // So that Space pressed next does not press a button of the row before, and the text scrolls by arrow keys.
  if (view === 'row' && !dialog()) $('content').focus({ preventScroll: true });
  if (view === 'row') window.scrollTo(0, 0);
}

function where(look) {
  if (session.detours.length) return 'opened beside the way: ← or → goes back';
  if (look.place !== null) return `look ${number(look.place + 1)} of ${number(run.looks)}`;
  return `from the list, ${number(look.nth)} of ${number(look.of)}`;
}

function content(row) {
  if (row.image) return picture(row, 420);
  if (row.text === null) return say('p', row.note, 'muted');
  return row.text.trim() ? say('div', row.text, 'text') : say('p', 'The text is empty.', 'muted');
}

function picture(row, size) {
  const image = make('img', { alt: `Picture of row ${row.id}`, decoding: 'sync' });
  image.addEventListener('load', () => {
    const most = Math.max(image.naturalWidth, image.naturalHeight);
    image.classList.toggle('small', most <= 64); // pixels of a small picture are the picture: no blur
    image.style.aspectRatio = `${image.naturalWidth} / ${image.naturalHeight}`;
    const scale = most <= 64 ? Math.max(1, Math.floor(size / most)) : size / most;
    image.style.width = `${Math.round(image.naturalWidth * scale)}px`;
  });
  image.addEventListener('error', () => image.replaceWith(say('span', 'This picture cannot be shown.', 'muted')));
  image.src = row.image;
  return image;
}

function barOf(bar, place, row) {
  const fill = make('i');
  fill.style.width = `${Math.max(bar.p * 100, 0.5)}%`;
  const role = [bar.label === row.given && 'given', bar.label === row.suggested && 'suggested'].filter(Boolean).join(', ');
  const digit = run.classes.length <= DIGITS ? say('kbd', place + 1) : null;
  const track = make('span', { className: 'track' }, fill);
  const name = say('span', label(bar.label), 'name');
  return make('li', { className: role }, digit, name, say('small', role), track, say('b', percent(bar.p)));
}

function showDecision() {
  const decision = decisionOf(shown.row);
  $('row-decision').hidden = !decision;
  if (!decision) return;
  let who = decision.source === 'page' ? 'decided' : `decided (${decision.source})`;
  if (decision.time) who += ` at ${clock(new Date(decision.time)).slice(0, 5)}`;
  if (decision.elsewhere) who = 'decided in another window';
  if (decision.waiting) who = 'not saved yet';
  $('row-decision').textContent = `✓ ${who}: ${named(decision.kind, decision.label)}`;
}

async function showNeighbours() {
  const here = shown;
  const { row } = here.row;
  const key = `near ${row}`;
  if (!cache.has(key)) $('neighbours').replaceChildren();
  try {
    if (!cache.has(key)) cache.set(key, await ask(`api/rows/${row}/neighbours`));
  } catch (error) {
    // The next poll says what is wrong.
    if (!error.status) setTimeout(() => here === shown && showNeighbours(), 1500);
    return;
  }
  if (here !== shown) return;
  const { neighbours, note } = cache.get(key);
  $('near-note').textContent = note || 'None was found.';
  $('near-note').hidden = neighbours.length > 0;
  $('neighbours').replaceChildren(...neighbours.map((one) => make('li', {}, neighbourCard(one))));
}

function neighbourCard(one) {
  const decision = decisionOf(one);
  const other = one.suggested !== one.given && one.suggested !== null;
  const card = action('', 'card', () => detour({ row: one.row, place: null }));
  card.title = `Open ${one.id}`;
  const about = `${one.id} · similarity ${one.similarity.toFixed(2)}`;
  card.append(
    make('span', { className: 'head' }, say('b', label(one.given)), say('small', about)),
    other ? say('small', `suggested: ${label(one.suggested)}`) : '',
    one.image ? picture(one, 96) : say('span', one.text || one.id, 'text'),
    decision ? say('small', `✓ ${named(decision.kind, decision.label)}`, 'decided') : '',
  );
  return card;
}

function showEnd() {
  part('end');
  shown = null;
  if (!choosing) $('chooser').close();
  showButtons();
  const state = showNumbers.state;
  const path = /\s/.test(run.path) ? `'${run.path}'` : run.path;
  const again = action(`Look at the ${rows(state.left)} that you passed over`, 'strong', () => {
    Object.assign(session, { trail: [], at: 0, detours: [], after: 0 });
    restart();
    showRow();
  });
  $('end').replaceChildren(
    say('h2', state.left ? 'That was the last row' : 'All done'),
    say('p', `${number(state.looks - state.left)} of ${number(state.looks)} looks are decided.`),
    state.left ? again : '',
    say('p', 'What is saved is on disk. Write the corrected data, or train again with what you decided:'),
    say('pre', `mislabel export ${path} -o corrected.csv`),
    say('pre', `mislabel train DATA … --decisions ${path} --out NEW_RUN`),
    say('p', '← goes back, L shows the list, U undoes the last decision.', 'muted'),
  );
  if (view === 'row') $('end').focus({ preventScroll: true });
}

/* Buttons and keys. */

function showButtons() {
  const several = view === 'list';
  $('keep-label').textContent = several ? 'as given' : shown_label('given');
  $('suggestion-label').textContent = several ? 'of each' : shown_label('suggested');
  for (const button of document.querySelectorAll('.decide button')) {
    button.disabled = several ? !chosenCount() : !shown || !possible(button.dataset.do, shown.row);
  }
  for (const name of ['back', 'next']) document.querySelector(`[data-do=${name}]`).hidden = several;
  $('bar').classList.toggle('several', several);
}

const shown_label = (name) => (shown ? label(shown.row[name]) : '');

const DO = {
  keep: () => decide('keep'),
  suggestion: () => decide('suggestion'),
  label: () => openChooser(),
  unsure: () => decide('unsure'),
  none: () => decide('none'),
  undo,
  back: () => view === 'row' && back(),
  next: () => view === 'row' && (shown || !$('end').hidden || troubles.has('row')) && forward(),
  list: () => (location.hash = session.list),
  row: () => (location.hash = 'row'),
  help: () => $('help').showModal(),
};
const KEYS = {
  k: 'keep', s: 'suggestion', c: 'label', n: 'unsure', x: 'none', u: 'undo',
  ' ': 'next', arrowright: 'next', arrowleft: 'back', l: 'list', r: 'row', '?': 'help',
};

function pressed(event) {
  const key = event.key.toLowerCase();
  if (key.length > 1 || key.charCodeAt(0) < 128) return key;
  return /^Key[A-Z]$/.test(event.code) ? event.code[3].toLowerCase() : key; // a keyboard that is not Latin
}

const DECIDE = ['keep', 'suggestion', 'unsure', 'none'];
const unread = (event, one = shown) => one?.sudden && event.timeStamp - one.at < UNSEEN;

function onKey(event) {
  const other = event.ctrlKey || event.altKey || event.metaKey || event.getModifierState('AltGraph');
  if (other || event.isComposing || dialog()) return;
  const box = event.target;
  if (box.matches('select, textarea, input:not([type=checkbox])')) return;
  const key = pressed(event);
  if (key === ' ' && (view === 'list' || box.matches('button, a, input'))) return;
  if (view === 'list' && (key === 'arrowdown' || key === 'arrowup')) return moveInList(event, key === 'arrowdown' ? 1 : -1);
  const name = KEYS[key];
  if (name) {
    event.preventDefault();
    if (view === 'row' && DECIDE.includes(name) && unread(event)) return;
    if (!event.repeat || name === 'next' || name === 'back') DO[name](); // a key held down decides one row
  } else if (view === 'row' && shown && /^[1-9]$/.test(key) && run.classes.length <= DIGITS && !event.repeat) {
    const bar = shown.row.posterior[Number(key) - 1];
    if (bar && !unread(event)) decide('label', bar.label);
  }
}

function onClick(event) {
  const button = event.target.closest('[data-do]');
  if (!button) return;
  const decides = shown && button.closest('.decide') && view === 'row';
  if (decides && event.detail && (event.detail > 1 || event.timeStamp - shown.at < UNSEEN)) return; // a double click
  if (decides && unread(event)) return;
  DO[button.dataset.do]();
}

// Enter held down presses what has the focus again and again, be that another row's button by now.
function onceOnly(event) {
  if (event.repeat && event.key === 'Enter') event.preventDefault(), event.stopPropagation();
}

/* The chooser of another class. */

let choosing = null; // what it was opened for; null where that row is being fetched
let options = [];
let picked = 0;
const folded = (words) => words.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

function openChooser() {
  if (view === 'list' ? !chosenCount() : !$('end').hidden) return;
  choosing = target();
  $('wanted').value = '';
  $('chooser-title').textContent = `Which class is right${view === 'list' ? ` for ${rows(chosenCount())}` : ''}?`;
  $('chooser').showModal();
  filterClasses();
}

function filterClasses() {
  const typed = $('wanted').value.trim();
  const wanted = folded(typed);
  const likely = new Map((choosing?.on?.row.posterior || []).map((bar) => [bar.label, bar.p]));
  const order = [...likely.keys(), ...run.classes.keys()].filter((code, place, all) => all.indexOf(code) === place);
  const ranks = [(name) => name === typed, (name) => folded(name) === wanted, (name) => folded(name).startsWith(wanted), () => true];
  const rank = (code) => ranks.findIndex((fits) => fits(label(code)));
  options = choosing ? order.filter((code) => folded(label(code)).includes(wanted)) : [];
  if (wanted) options.sort((a, b) => rank(a) - rank(b));
  const most = options.slice(0, 300);
  $('classes').replaceChildren(...most.map((code, place) => {
    const p = likely.has(code) ? say('small', percent(likely.get(code))) : null;
    const option = make('li', { id: `class-${place}`, role: 'option' }, say('span', label(code)), p);
    option.addEventListener('click', () => takeClass(place));
    return option;
  }));
  const hidden = options.length - most.length;
  const matching = `${number(options.length)} of ${number(run.classes.length)} classes`;
  const none = choosing ? 'No class matches.' : 'Fetching the row …';
  $('classes-note').textContent = options.length ? matching + (hidden ? ', the first 300 shown' : '') : none;
  pick(0);
}

function pick(place) {
  const list = $('classes').children;
  picked = Math.max(0, Math.min(list.length - 1, place));
  for (const [at, option] of [...list].entries()) option.setAttribute('aria-selected', at === picked);
  if (list[picked]) list[picked].scrollIntoView({ block: 'nearest' });
  $('wanted').setAttribute('aria-activedescendant', list[picked]?.id || '');
}

function takeClass(place) {
  if (options[place] === undefined) return;
  $('chooser').close();
  decide('label', options[place], choosing);
}

$('wanted').addEventListener('input', filterClasses);
$('wanted').addEventListener('keydown', (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
  if (step) event.preventDefault(), pick(picked + step);
  if (event.key === 'Enter' && !event.isComposing) event.preventDefault(), unread(event, choosing?.on) || takeClass(picked);
});

/* The list. Its filters live in the address, so that reload and the browser's Back keep them. */

const USUAL = { given: '', suggested: '', decision: '', status: 'judged', search: '' };
const form = $('filters').elements;
const chosen = new Map(); // id by row, over all pages of one filter
let all = false; // every row that matches is chosen, also those of other pages
let last_ticked = null; // a row
let list = { words: null, filter: null, total: 0, offset: 0, rows: [] }; // what is on the screen, and what it was asked with
let offset = 0; // of the list that is wanted
let asking = 0;
let answered = 0;

function fillFilters() {
  const option = (value, textContent) => make('option', { value, textContent });
  const classes = run.classes.map((_, code) => option(code, label(code)));
  form.given.replaceChildren(option('', 'any'), ...classes);
  form.suggested.replaceChildren(option('', 'any'), ...classes.map((one) => one.cloneNode(true)));
  const pairs = run.pairs.map((pair) => option(`${pair.given},${pair.suggested}`, `${arrow(pair)} (${number(pair.count)})`));
  form.pair.replaceChildren(option('', 'any'), ...pairs);
  form.status.replaceChildren(option('any', 'any'), ...run.statuses.map((name) => option(name, name.replaceAll('_', ' '))));
}

function wanted() {
  return Object.fromEntries(Object.entries(USUAL).map(([name, usual]) => [name, form[name].value || usual]));
}

function address(from) {
  const told = Object.entries({ ...wanted(), offset: from || '' }).filter(([name, value]) => value !== (USUAL[name] || ''));
  return told.length ? `list?${new URLSearchParams(told)}` : 'list';
}

function openList(query) {
  const before = address(0);
  const told = new URLSearchParams(query);
  for (const [name, usual] of Object.entries(USUAL)) form[name].value = told.get(name) ?? usual;
  offset = Math.max(0, Math.floor(Number(told.get('offset')) / PAGE) * PAGE || 0);
  if (address(0) !== before) chooseNone();
  fillList(shown?.row.row);
}

function filtered() {
  chooseNone();
  if (view !== 'list') return; // L comes back to what was typed last
  offset = 0;
  history.replaceState(null, '', `#${session.list}`);
  keep();
  fillList();
}

async function fillList(focus) {
  const mine = ++asking;
  $('all-match').hidden = true;
  form.pair.value = form.given.value && form.suggested.value ? `${form.given.value},${form.suggested.value}` : '';
  const { given, suggested, decision, status, search } = wanted();
  const words = String(new URLSearchParams({ ...wanted(), offset, limit: PAGE }));
  const old = () => mine === asking && list.words !== words && showNoList(); // rows that need not be what is asked for
  setTimeout(old, 150);
  try {
    const found = await ask(`api/list?${words}`, undefined, LONG);
    if (mine !== asking) return; // an answer to older words
    heard('list');
    if (!found.rows.length && found.offset) {
      offset = Math.max(0, Math.floor((found.total - 1) / PAGE) * PAGE);
      return fillList(focus);
    }
    answered = mine;
    const whole = (value) => (value === '' ? null : Number(value));
    const filter = { given: whole(given), suggested: whole(suggested), decision: decision || 'any', status, search };
    list = { ...found, words, filter };
    showList(focus);
  } catch (error) {
    if (mine !== asking) return;
    old();
    if (error.status >= 400 && error.status < 500 && error.status !== 404) return refusal(error.message);
    unreachable(error, 'list');
    setTimeout(() => mine === asking && fillList(focus), 1500);
  }
}

function showNoList() {
  list = { ...list, words: null, rows: [] };
  $('list').replaceChildren();
  $('list-waiting').hidden = false;
  $('empty').hidden = true;
  $('count').textContent = '';
  markList();
}

function showList(focus) {
  const at = document.activeElement;
  const held = at?.closest('#list li');
  const free = at === document.body || at?.closest('#list, #row-view, #to-list'); // else somebody types or presses there
  const row = focus ?? (held && Number(held.dataset.row));
  const part = held && at.matches('input') ? 'input' : 'a';
  $('list').replaceChildren(...list.rows.map(itemOf));
  $('list-waiting').hidden = true;
  $('empty').hidden = list.rows.length > 0;
  const end = list.offset + list.rows.length;
  const shown_part = `${number(list.offset + 1)}–${number(end)} of ${number(list.total)}, as the audit orders them`;
  $('count').textContent = list.total ? shown_part : '0 rows';
  $('page-number').textContent = `page ${number(list.offset / PAGE + 1)} of ${number(Math.ceil(list.total / PAGE))}`;
  $('page-before').disabled = !list.offset;
  $('page-after').disabled = end >= list.total;
  document.querySelector('.pages').hidden = list.total <= PAGE;
  if (free) $('list').querySelector(`[data-row="${row}"] ${part}`)?.focus();
  markList();
}

function itemOf(one, place) {
  const tick = make('input', { type: 'checkbox' });
  tick.setAttribute('aria-label', `Choose ${one.id}`);
  tick.addEventListener('click', (event) => ticked(place, tick.checked, event.shiftKey));
  const open = make('a', { href: `#row/${one.row}`, className: 'open' },
    one.image ? picture(one, 56) : say('span', one.text ?? '', 'text'), say('small', one.id));
  open.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const looks = list.rows.map((other, at) => ({ row: other.row, place: null, nth: list.offset + at + 1, of: list.total }));
    Object.assign(session, { trail: looks, at: place, detours: [] });
    location.hash = 'row';
  });
  const bar = make('i');
  bar.style.width = `${(one.p_mislabeled ?? 0) * 100}%`;
  const chance = make('span', { className: 'chance', title: 'Probability that the given label is wrong' });
  chance.append(make('span', { className: 'track' }, bar), percent(one.p_mislabeled));
  const pair = make('span', { className: 'pair' });
  pair.append(say('span', label(one.given), 'given'), ' → ', say('b', label(one.suggested)));
  const item = make('li', {}, make('label', { className: 'tick' }, tick), chance, pair, open, say('span', '', 'decided'));
  item.dataset.row = one.row;
  return item;
}

function ticked(place, on, range) {
  if (all) chooseNone();
  const last = range ? list.rows.findIndex((one) => one.row === last_ticked) : -1; // it may be on another page
  const from = last < 0 ? place : last;
  for (const one of list.rows.slice(Math.min(from, place), Math.max(from, place) + 1)) {
    on ? chosen.set(one.row, one.id) : chosen.delete(one.row);
  }
  last_ticked = list.rows[place].row;
  markList();
}

const chosenCount = () => (all ? list.total : chosen.size);

function chooseNone() {
  chosen.clear();
  all = false;
  last_ticked = null;
  markList();
}

function markList() {
  for (const [place, item] of [...$('list').children].entries()) {
    const one = list.rows[place];
    const decision = decisionOf(one);
    const on = all || chosen.has(one.row);
    item.classList.toggle('chosen', on);
    item.querySelector('input').checked = on;
    const words = decision ? `✓ ${named(decision.kind, decision.label)}${decision.waiting ? ' …' : ''}` : '';
    item.querySelector('.decided').textContent = words;
  }
  const here = list.rows.filter((one) => all || chosen.has(one.row)).length;
  $('all-page').checked = here > 0 && here === list.rows.length;
  $('all-page').indeterminate = here > 0 && here < list.rows.length;
  $('all-match').hidden = all || asking !== answered || !$('all-page').checked || list.total <= list.rows.length;
  $('all-match').textContent = `choose all ${number(list.total)} that match`;
  $('clear').hidden = !chosenCount();
  $('clear').textContent = `${number(chosenCount())} chosen: clear`;
  showButtons();
}

function moveInList(event, step) {
  const item = event.target.closest('#list li');
  const next = step > 0 ? item?.nextElementSibling : item?.previousElementSibling;
  if (!next) return;
  event.preventDefault();
  next.querySelector(event.target.matches('input') ? 'input' : 'a').focus();
}

function askFirst(kind, code, about) {
  $('confirm-title').textContent = `Decide ${rows(about.count)} at once?`;
  $('confirm-words').textContent = `“${named(kind, code)}” for each of them. U takes all of it back.`;
  $('confirm-yes').textContent = `Decide ${rows(about.count)}`;
  $('confirm-yes').onclick = () => {
    $('confirm').close();
    record(kind, code, about);
  };
  $('confirm').showModal();
}

let typing = 0;
$('filters').addEventListener('submit', (event) => event.preventDefault());
$('filters').addEventListener('input', (event) => {
  if (event.target === form.pair) [form.given.value, form.suggested.value = ''] = form.pair.value.split(',');
  session.list = address(0);
  clearTimeout(typing);
  typing = setTimeout(filtered, event.target.name === 'search' ? 200 : 0);
});
$('all-page').addEventListener('click', () => {
  const on = $('all-page').checked;
  if (all) chooseNone();
  for (const one of list.rows) on ? chosen.set(one.row, one.id) : chosen.delete(one.row);
  markList();
});
$('all-match').addEventListener('click', () => {
  all = true;
  markList();
});
$('clear').addEventListener('click', chooseNone);
$('no-filters').addEventListener('click', () => (location.hash = 'list?status=any'));
$('page-before').addEventListener('click', () => (location.hash = address(Math.max(0, offset - PAGE))));
$('page-after').addEventListener('click', () => (location.hash = address(offset + PAGE)));

/* How many are wrong: the estimate from rows that chance chose, and how precise the list is at each depth. */

let estimating = 0;

function estimateSoon(wait = 500) {
  clearTimeout(estimating);
  const mine = setTimeout(async () => {
    const said = await ask('api/estimate').catch(() => null);
    if (mine === estimating) said ? showEstimate(said) : estimateSoon(2000); // else a newer one is asked for
  }, wait);
  estimating = mine;
}

function showEstimate(said) {
  const told = (point) => point && point.precision !== null && point.high - point.low <= WIDEST;
  const points = said.curve.filter(told);
  const runs = []; // of neighbouring depths: no line is drawn over what nobody knows
  for (const [place, point] of said.curve.entries()) {
    if (!told(point)) continue;
    if (told(said.curve[place - 1])) runs.at(-1).push(point);
    else runs.push([point]);
  }
  const random = said.estimate !== null;
  $('estimate').hidden = !random && !said.model && !points.length;
  const from_to = (one, words) => `${words(one.low)} to ${words(one.high)}`;
  const few = said.probes > 0 && said.probes < FEW; // a number would look surer than it is
  const interval = random && !few && said.high > said.low ? say('small', from_to(said, number)) : '';
  const best = few ? from_to(said, number) : number(Math.round(said.estimate));
  const wrong = random ? `${best} of ${number(said.rows)} ` : '';
  $('estimate-number').replaceChildren(wrong, interval);
  let checks = run.probe ? 'No random check is decided yet.' : 'For an estimate start the review with --probe 0.1.';
  if (random) checks = 'Every row is decided.';
  if (few) checks = `That much is sure from ${counted(said.probes, 'random check')} (95% interval): too few for a number.`;
  else if (said.probes) checks = `Estimated from ${counted(said.probes, 'random check')}, with a 95% interval.`;
  const model = said.model && `The method itself says ${percent(said.model.estimate)} (${from_to(said.model, percent)}).`;
  const unsure = said.unsure ? ` and ${number(said.unsure)} could not be told` : '';
  const decided = said.decided ? `Of ${rows(said.decided)} decided, ${number(said.wrong)} had a wrong label${unsure}.` : '';
  $('estimate-words').textContent = [checks, model, decided].filter(Boolean).join(' ');
  $('curve').hidden = !points.length;
  if (!points.length) return;
  const caption = 'Share of truly wrong labels among the first rows of the list, with a 95% interval.';
  const each = points.map((one) => `first ${one.depth}: ${percent(one.precision)}, ${from_to(one, percent)}`);
  const picture = drawing(runs);
  picture.setAttribute('aria-label', `${caption} ${each.join('; ')}`);
  $('curve').replaceChildren(picture, say('figcaption', caption, 'muted'));
}

function draw(tag, attributes, words) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (words) element.textContent = words;
  return element;
}

function drawing(runs) {
  const [left, right, top, bottom] = [40, 312, 10, 128];
  const points = runs.flat();
  const deepest = points.at(-1).depth;
  const x = (depth) => left + (depth / deepest) * (right - left);
  const y = (share) => bottom - share * (bottom - top);
  const line = (some) => some.map(([depth, share]) => `${x(depth).toFixed(1)},${y(share).toFixed(1)}`).join(' ');
  const picture = draw('svg', { viewBox: '0 0 330 164', role: 'img' });
  for (const share of [0, 0.5, 1]) {
    picture.append(draw('line', { x1: left, x2: right, y1: y(share), y2: y(share), class: 'grid' }));
    picture.append(draw('text', { x: left - 6, y: y(share) + 4, 'text-anchor': 'end' }, `${share * 100}%`));
  }
  const words = (at, height, text) => draw('text', { x: at, y: height, 'text-anchor': 'middle' }, text);
  for (const depth of [0, Math.round(deepest / 2), deepest]) picture.append(words(x(depth), bottom + 16, number(depth)));
  picture.append(words((left + right) / 2, bottom + 32, 'first rows of the list'));
  for (const stretch of runs) {
    const [high, middle, low] = ['high', 'precision', 'low'].map((name) => stretch.map((point) => [point.depth, point[name]]));
    picture.append(draw('polygon', { points: line([...high, ...low.reverse()]), class: 'band' }));
    picture.append(draw('polyline', { points: line(middle), class: 'line' }));
  }
  const r = points.length > 20 ? 1.5 : 3;
  for (const point of points) picture.append(draw('circle', { cx: x(point.depth), cy: y(point.precision), r }));
  return picture;
}

/* Start. */

function route() {
  dialog()?.close(); // what it asks about is not there any more
  const [name, query] = location.hash.slice(1).split('?');
  view = name === 'list' ? 'list' : 'row';
  for (const one of ['row', 'list']) {
    $(`${one}-view`).hidden = view !== one;
    view === one ? $(`to-${one}`).setAttribute('aria-current', 'page') : $(`to-${one}`).removeAttribute('aria-current');
  }
  const row = /^row\/(\d+)$/.exec(name)?.[1];
  if (row) {
    history.replaceState(null, '', '#row');
    session.detours = [{ row: Number(row), place: null }];
  }
  if (view === 'list') session.list = location.hash.slice(1);
  if (view === 'list') openList(query);
  else showRow();
  $('to-list').hash = session.list;
  showButtons();
  keep();
}

async function start() {
  let state;
  try {
    run = await ask('api/run');
    state = await ask('api/state');
    heard('start');
  } catch (error) {
    unreachable(error, 'start');
    await pause(2000);
    return start();
  }
  run.classes = run.classes.map((name) => (name.trim() ? name : '(empty)'));
  number_seen = number_first = state.number;
  document.title = `${run.name} · mislabel review`;
  $('name').textContent = run.name;
  $('about').textContent = `${rows(run.rows)} · ${run.order_words} · ${run.method}`;
  $('help-digits').hidden = run.classes.length > DIGITS;
  $('last-digit').textContent = run.classes.length;
  $('bar').hidden = false;
  for (const { rows, kind, label, undo } of session.outbox) {
    for (const row of rows || undo?.rows || []) latest.set(row, undo ? undo.before : { kind, label, waiting: true });
  }
  fillFilters();
  showNumbers(state);
  estimateSoon();
  send();
  route();
  // Only now: before, there is nothing that a key could be meant for.
  document.addEventListener('keydown', onceOnly, true);
  document.addEventListener('keydown', onKey);
  document.addEventListener('click', onClick);
  setInterval(poll, 2000);
  $('retry').addEventListener('click', poll);
  window.addEventListener('focus', poll);
  window.addEventListener('hashchange', route);
}

$('retry').addEventListener('click', () => wake());
$('close-banner').addEventListener('click', () => {
  refusals.clear();
  troubles.clear();
  showBanner();
});
$('to-help').addEventListener('click', DO.help);
$('close-help').addEventListener('click', () => $('help').close());
$('confirm-no').addEventListener('click', () => $('confirm').close());
window.addEventListener('beforeunload', (event) => {
  if (session.outbox.length) event.preventDefault(); // what waits here is lost with the window
});
start();

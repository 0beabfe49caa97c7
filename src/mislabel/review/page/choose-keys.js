// Other keys: in the help a click on one, and then the key that is to take its place.
import { postKeys, messageOf } from './api.js';
import { byId } from './elements.js';
import { keyFor, keyName, showKeys, USUAL_KEYS } from './key-names.js';
import { hasDigits, run } from './run.js';

/** @type {HTMLElement | null} */
let waiting = null; // the key that is being chosen

/** @param {string} words */
const say = (words) => (byId('keys-note').textContent = words);

/** @param {MouseEvent} event */
function onClick(event) {
  const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest('button[data-key]'));
  if (!button) return;
  stop();
  waiting = button;
  button.textContent = '…';
  say('Press the key that shall do this; Escape leaves it as it is.');
}

function stop() {
  waiting = null;
  showKeys();
  say('');
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (!waiting || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key.length > 1 && event.key !== 'Escape') return;
  event.preventDefault();
  event.stopPropagation();
  const name = waiting.dataset.key ?? '';
  stop();
  if (event.key !== 'Escape') choose(name, event.key.toLowerCase());
}

/**
 * The key becomes that of what is called `name`; what had it before gets the key that this one had.
 * @param {string} name
 * @param {string} key
 */
function choose(name, key) {
  if (key === ' ' || key === '?' || (hasDigits() && /[0-9]/.test(key))) return say('That key has its meaning already.');
  const chosen = Object.fromEntries(Object.keys(USUAL_KEYS).map((each) => [each, keyFor(each)]));
  const other = Object.keys(chosen).find((each) => chosen[each] === key);
  if (other) chosen[other] = chosen[name];
  chosen[name] = key;
  take(Object.fromEntries(Object.entries(chosen).filter(([each, own]) => own !== USUAL_KEYS[each])));
}

let saving = Promise.resolve(); // one after another, so that the last one stays

/** @param {Record<string, string>} keys They hold at once: the next one that is chosen builds on them. */
function take(keys) {
  const before = run.keys;
  run.keys = keys;
  showKeys();
  saving = saving.then(() => save(keys, before));
}

/**
 * @param {Record<string, string>} keys
 * @param {Record<string, string>} before
 */
async function save(keys, before) {
  try {
    await postKeys({ keys });
  } catch (error) {
    if (run.keys === keys) run.keys = before;
    showKeys();
    say(`The keys are not saved: ${messageOf(error)}`);
    return;
  }
  say(
    `Saved: ${
      Object.keys(keys)
        .map((name) => `${keyName(name)} ${name}`)
        .join(', ') || 'all keys are as usual'
    }.`,
  );
}

export function listenToKeyChoice() {
  byId('help').addEventListener('click', onClick);
  byId('help').addEventListener('keydown', onKey);
  byId('help').addEventListener('close', stop);
  byId('usual-keys').addEventListener('click', () => take({}));
}

// The start of the review page, and which of its two views the address asks for.
import { ACTIONS } from './actions.js';
import { getRun, getState } from './api.js';
import { closeBanner, endTrouble, reportTrouble } from './banner.js';
import { showButtons } from './buttons.js';
import { listenToKeyChoice } from './choose-keys.js';
import { listenToChooser } from './chooser.js';
import { display } from './display.js';
import { byId, currentDialog } from './elements.js';
import { estimateSoon } from './estimate.js';
import { formatRows } from './format.js';
import { listenToKeys } from './keys.js';
import { showKeys } from './key-names.js';
import { known } from './known.js';
import { fillExport } from './export.js';
import { fillFilters } from './list-filters.js';
import { listenToList, openList } from './list-view.js';
import { listenToMapView, openMap } from './map-view.js';
import { listenToMeanings } from './meanings.js';
import { listenToNote } from './note.js';
import { outbox, pause, sendAll } from './outbox.js';
import { listenToParts } from './parts.js';
import { showProgress } from './progress.js';
import { showRow } from './row-view.js';
import { fillRun, hasDigits, run } from './run.js';
import { saveSession, session } from './session.js';
import { fillSources } from './sources.js';
import { outcomes, poll } from './sync.js';
import { listenToWords } from './words.js';

const POLL_EVERY = 2000; // milliseconds
const RETRY_AFTER = 2000;

/** Show what the address asks for. */
function route() {
  currentDialog()?.close(); // what it asks about is not there any more
  const [name, query] = location.hash.slice(1).split('?');
  showView(name === 'list' || (name === 'map' && run.has_map) ? name : 'row');
  const row = /^row\/(\d+)$/.exec(name)?.[1];
  if (row) {
    history.replaceState(null, '', '#row');
    session.detours = [{ row: Number(row), place: null }];
  }
  if (display.view === 'list') {
    session.listHash = location.hash.slice(1);
    openList(query);
  } else if (display.view === 'map') openMap();
  else showRow();
  byId('to-list').hash = session.listHash;
  showButtons();
  saveSession();
}

/** @param {'row' | 'list' | 'map'} view */
function showView(view) {
  display.view = view;
  for (const other of ['row', 'list', 'map']) {
    byId(`${other}-view`).hidden = view !== other;
    if (view === other) byId(`to-${other}`).setAttribute('aria-current', 'page');
    else byId(`to-${other}`).removeAttribute('aria-current');
  }
}

/** @returns {Promise<void>} */
async function start() {
  let state;
  try {
    fillRun(await getRun());
    state = await getState(0);
    endTrouble('start');
  } catch (error) {
    reportTrouble(error, 'start');
    await pause(RETRY_AFTER);
    return start();
  }
  known.lastEvent = known.firstEvent = state.number;
  showTitle();
  showKeys();
  restoreWaiting();
  fillFilters();
  fillSources();
  fillExport();
  showProgress(state);
  estimateSoon();
  outbox.outcomes = outcomes;
  sendAll();
  route();
  // Only now: before, there is nothing that a key could be meant for.
  listenToKeys();
  setInterval(poll, POLL_EVERY);
  byId('retry').addEventListener('click', poll);
  window.addEventListener('focus', poll);
  window.addEventListener('hashchange', route);
}

function showTitle() {
  document.title = `${run.name} · mislabel review`;
  byId('name').textContent = run.name;
  byId('about').textContent = `${formatRows(run.rows)} · ${run.order_words} · ${run.method}`;
  byId('help-digits').hidden = !hasDigits();
  byId('help-typing').hidden = hasDigits();
  byId('help-words').hidden = !run.marks_words;
  for (const part of document.querySelectorAll('.of-map')) part.toggleAttribute('hidden', !run.has_map);
  byId('last-digit').textContent = `${run.classes.length}`;
  for (const part of document.querySelectorAll('.of-pictures')) part.toggleAttribute('hidden', !run.has_pictures);
  byId('bar').hidden = false;
  if (!run.may_decide) byId('saved').textContent = 'With this address you may look, and not decide.';
  byId('note').disabled = !run.may_decide;
}

/** Decisions that waited when the page was reloaded hold. */
function restoreWaiting() {
  for (const job of session.outbox) {
    const decision = job.undo ? (job.undo.before ?? null) : { kind: job.kind, label: job.label, waiting: true };
    for (const row of job.rows || job.undo?.rows || []) known.decisions.set(row, decision);
  }
}

function listenToPage() {
  byId('retry').addEventListener('click', () => outbox.wake());
  byId('close-banner').addEventListener('click', closeBanner);
  byId('to-help').addEventListener('click', ACTIONS.help);
  byId('close-help').addEventListener('click', () => byId('help').close());
  byId('confirm-no').addEventListener('click', () => byId('confirm').close());
  window.addEventListener('beforeunload', (event) => {
    if (session.outbox.length) event.preventDefault(); // what waits here is lost with the window
  });
}

listenToChooser();
listenToKeyChoice();
listenToList();
listenToNote();
listenToParts();
listenToMapView();
listenToMeanings();
listenToWords();
listenToPage();
start();

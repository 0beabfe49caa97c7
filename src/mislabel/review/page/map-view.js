// The map of all rows: asked for, shown, and what a line round some of them chooses.
/** @import { Chosen } from './map-state.js' */
import { getList, getMap, getPoints, isRefusal, messageOf } from './api.js';
import { endTrouble, reportRefusal, reportTrouble } from './banner.js';
import { showButtons } from './buttons.js';
import { display } from './display.js';
import { byId, createElement, createText, setBusy } from './elements.js';
import { formatNumber, formatRows } from './format.js';
import { drawSoon } from './map-canvas.js';
import { hover } from './map-hover.js';
import { listenToMap } from './map-input.js';
import { showColours, wantClass } from './map-legend.js';
import { areaOf, Places, readPoints, rowsInside, wholeCorners } from './map-points.js';
import { choose, map, NO_CLASS, onChosen } from './map-state.js';
import { className } from './run.js';

const ASK_AGAIN = 700; // milliseconds while a layout is being made
const RETRY_AFTER = 2000;
const MOST_PAIRS = 5; // of labels of the chosen rows

const shown = {
  /** @type {Places | null} */
  places: null,
  request: 0, // counts the layouts asked for
  /** @type {typeof map.layout | null} */
  layout: null, // of the points on the screen
};

/** Show the map as it is, and ask for it where it is not there. */
export function openMap() {
  if (shown.layout !== map.layout) fetchMap();
  else {
    refreshMap();
    drawSoon();
  }
  showChosen();
}

async function fetchMap() {
  const request = ++shown.request;
  const isLate = () => request !== shown.request || display.view !== 'map';
  const { layout } = map;
  setBusy('map-view', true);
  try {
    const state = await getMap(layout);
    if (isLate()) return;
    endTrouble('map');
    if (state.failure !== null) {
      setBusy('map-view', false);
      return showProgress(`There is no map: ${state.failure}.`);
    }
    if (!state.ready) {
      showProgress('Laying the rows out …', state.progress);
      setTimeout(() => isLate() || fetchMap(), ASK_AGAIN);
      return;
    }
    await takePoints(layout);
    if (isLate()) return;
    showProgress('');
    setBusy('map-view', false);
  } catch (error) {
    if (isLate()) return;
    reportTrouble(error, 'map');
    setTimeout(() => isLate() || fetchMap(), RETRY_AFTER);
  }
}

/** @param {typeof map.layout} layout */
async function takePoints(layout) {
  const points = readPoints(await getPoints(layout));
  if (layout !== map.layout) return;
  map.points = points;
  Object.assign(shown, { layout, places: new Places(points) });
  showColours();
}

/** What was decided since is shown. */
export async function refreshMap() {
  if (display.view !== 'map' || shown.layout !== map.layout) return;
  await takePoints(map.layout).catch(() => {}); // the next poll says what is wrong
}

/**
 * @param {string} words None where the map is there.
 * @param {number} [share]
 */
function showProgress(words, share) {
  byId('map-progress').hidden = !words;
  byId('map-progress-words').textContent = share === undefined ? words : `${words} ${Math.round(share * 100)}%`;
  byId('map-share').hidden = share === undefined;
  byId('map-share').value = share ?? 0;
}

/** The rows inside the line that was drawn; the server counts them, too, and is the one that is believed. */
async function enclose() {
  const { layout } = shown; // while another one is made, this is still what the line was drawn on
  if (!map.points || !layout) return choose(null);
  const corners = wholeCorners(map.corners);
  const area = areaOf(layout, corners);
  const inside = rowsInside(map.points, corners);
  let total = 0;
  for (const one of inside) total += one;
  choose(total ? { area, layout, corners, inside, total } : null);
  if (map.chosen) count(map.chosen);
}

/** @param {Chosen} chosen */
async function count(chosen) {
  const isLate = () => map.chosen !== chosen;
  try {
    const answer = await getList(String(new URLSearchParams({ area: chosen.area, limit: '1' })));
    if (isLate()) return;
    endTrouble('count');
    Object.assign(chosen, { total: answer.total, digest: answer.digest, filter: { area: chosen.area } });
    showChosen();
  } catch (error) {
    if (isLate()) return;
    if (isRefusal(error)) {
      reportRefusal(messageOf(error));
      return choose(null);
    }
    reportTrouble(error, 'count');
    setTimeout(() => isLate() || count(chosen), RETRY_AFTER);
  }
}

function showChosen() {
  const { chosen } = map;
  byId('map-chosen').hidden = !chosen;
  if (!chosen) endTrouble('count');
  setBusy('map-chosen', Boolean(chosen && !chosen.filter));
  byId('map-count').textContent = chosen ? `${formatRows(chosen.total)} inside the line` : '';
  byId('map-list').hash = chosen ? `list?${new URLSearchParams({ area: chosen.area })}` : 'list';
  byId('map-pairs').replaceChildren(...(chosen ? commonPairs(chosen.inside) : []));
  showButtons();
  drawSoon();
}

/** @param {Uint8Array} inside */
function commonPairs(inside) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  const { points } = map;
  for (let row = 0; points && row < inside.length; row++) {
    if (!inside[row]) continue;
    const pair = points.given[row] * (NO_CLASS + 1) + points.suggested[row];
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  const common = [...counts].sort((one, other) => other[1] - one[1]).slice(0, MOST_PAIRS);
  return common.map(([pair, count]) => {
    const [given, suggested] = [Math.floor(pair / (NO_CLASS + 1)), pair % (NO_CLASS + 1)];
    const name = (/** @type {number} */ code) => className(code === NO_CLASS ? null : code);
    const words = given === suggested ? name(given) : `${name(given)} → ${name(suggested)}`;
    return createElement('li', {}, createText('span', words), createText('small', formatNumber(count)));
  });
}

function takeLayout() {
  map.layout = byId('map-layout').value === 'tsne' ? 'tsne' : 'pca';
  hover(null);
  fetchMap();
}

function takeColour() {
  map.colour = /** @type {typeof map.colour} */ (byId('map-colour').value);
  Object.assign(map, { focus: -1, wanted: null });
  byId('map-class').value = '';
  showColours();
}

/** @param {boolean} lasso */
function takeDragging(lasso) {
  map.lasso = lasso;
  byId('map-lasso').setAttribute('aria-pressed', `${lasso}`);
  byId('map-move').setAttribute('aria-pressed', `${!lasso}`);
  byId('map-stage').classList.toggle('moving', !lasso);
}

export function listenToMapView() {
  listenToMap({ enclose, find: (x, y, reach) => shown.places?.nearest(x, y, reach) ?? null });
  onChosen(showChosen);
  byId('map-layout').addEventListener('change', takeLayout);
  byId('map-colour').addEventListener('change', takeColour);
  byId('map-class').addEventListener('change', wantClass);
  byId('map-lasso').addEventListener('click', () => takeDragging(true));
  byId('map-move').addEventListener('click', () => takeDragging(false));
  byId('map-clear').addEventListener('click', () => choose(null));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', showColours);
}

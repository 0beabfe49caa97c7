// The picture of the row on the screen: as large as it was where the original is there, moved and enlarged at will.
/** @import { Row } from './types.js' */
import { createButton, createElement, createText } from './elements.js';
import { formatNumber } from './format.js';

const MOST_PIXELATED = 64; // pixels of a side: those of a small picture are the picture, so it is not blurred
const USUAL = 420; // pixels of its longer side on the screen, for a small copy
const MOST = 16; // screen pixels for one of the picture
const STEP = 1.3; // one press, or one notch of a wheel
const PAN = 60; // screen pixels

/** What is on the screen: null where the row has no picture. */
const viewer = {
  /** @type {{ frame: HTMLElement, image: HTMLImageElement, said: HTMLElement } | null} */
  parts: null,
  scale: 1, // screen pixels for one of the picture
  x: 0, // of its left upper corner in the frame
  y: 0,
  isFitted: true, // until somebody moves it
};

/**
 * @param {Row} row
 * @returns {HTMLElement}
 */
export function createViewer(row) {
  const image = createImage(row);
  const frame = createElement('div', { className: 'frame' }, image);
  const said = createText('p', row.original_note ?? '', 'muted');
  const tools = createElement('div', { className: 'tools' }, ...createTools(), said);
  const whole = createElement('div', { className: 'viewer' }, frame, tools);
  const parts = { frame, image, said };
  Object.assign(viewer, { parts, isFitted: true });
  image.addEventListener('load', () => viewer.parts === parts && fit());
  image.addEventListener('error', () => {
    if (parts.image === image) whole.replaceWith(createText('span', 'This picture cannot be shown.', 'muted'));
  });
  image.src = row.image ?? '';
  listenToPointer(frame);
  new ResizeObserver(() => viewer.parts === parts && viewer.isFitted && fit()).observe(frame);
  if (row.original) showOriginal(row, row.original, parts);
  return whole;
}

/** @param {Row} row */
const createImage = (row) =>
  createElement('img', { alt: `Picture of row ${row.id}`, decoding: 'sync', draggable: false });

function createTools() {
  /** @type {[string, string, () => void][]} */
  const tools = [
    ['−', 'Smaller (minus key)', smaller],
    ['+', 'Larger (plus key)', larger],
    ['1:1', 'Pixel by pixel (Z key)', actualSize],
    ['Fit', 'All of it (0 key)', fit],
  ];
  return tools.map(([words, title, act]) => {
    const button = createButton(words, '', act);
    button.title = title;
    button.setAttribute('aria-label', `${words}: ${title}`); // what is read begins with what is seen
    return button;
  });
}

/**
 * The original takes the place of the small copy once it is there; where it cannot be, the server says why.
 * @param {Row} row
 * @param {string} path
 * @param {NonNullable<typeof viewer.parts>} parts
 */
async function showOriginal(row, path, parts) {
  const original = createImage(row);
  original.src = path;
  parts.said.textContent = 'Fetching the original …';
  try {
    await original.decode();
    if (viewer.parts !== parts) return;
    parts.image = original;
    parts.frame.replaceChildren(original);
    fit();
    parts.said.textContent = `${formatNumber(original.naturalWidth)} × ${formatNumber(original.naturalHeight)} pixels`;
  } catch {
    const answer = await fetch(path).then(
      (response) => (response.ok ? null : response.json()),
      () => null,
    );
    parts.said.textContent = answer?.error ?? 'The original cannot be shown.';
  }
}

const isSmall = () => Math.max(size().width, size().height) <= MOST_PIXELATED;

const size = () => ({ width: viewer.parts?.image.naturalWidth || 1, height: viewer.parts?.image.naturalHeight || 1 });

/** The scale at which all of it is seen: no more than 1 of an original, whole numbers of a picture of few pixels. */
function fittingScale() {
  const { width, height } = size();
  const { clientWidth = 1, clientHeight = 1 } = viewer.parts?.frame ?? {};
  const room = Math.min(clientWidth / width, clientHeight / height);
  if (isSmall()) return Math.max(1, Math.floor(Math.min(room, USUAL / Math.max(width, height))));
  return Math.min(room, Math.max(1, USUAL / Math.max(width, height)));
}

export function fit() {
  viewer.isFitted = true;
  viewer.scale = fittingScale();
  place((frame) => {
    viewer.x = (frame.clientWidth - size().width * viewer.scale) / 2;
    viewer.y = (frame.clientHeight - size().height * viewer.scale) / 2;
  });
}

export function actualSize() {
  if (!viewer.isFitted && viewer.scale === 1) fit();
  else zoomTo(1);
}

export const larger = () => zoomTo(viewer.scale * STEP);

export const smaller = () => zoomTo(viewer.scale / STEP);

/**
 * @param {number} wanted
 * @param {number} [x] What stays where it is, in the frame; its middle.
 * @param {number} [y]
 */
function zoomTo(wanted, x, y) {
  const least = Math.min(fittingScale(), 1);
  const scale = Math.max(least, Math.min(MOST, wanted));
  place((frame) => {
    const [atX, atY] = [x ?? frame.clientWidth / 2, y ?? frame.clientHeight / 2];
    viewer.x = atX - ((atX - viewer.x) * scale) / viewer.scale;
    viewer.y = atY - ((atY - viewer.y) * scale) / viewer.scale;
    Object.assign(viewer, { scale, isFitted: false });
  });
}

/**
 * @param {number} x
 * @param {number} y
 */
function pan(x, y) {
  place(() => {
    viewer.x += x;
    viewer.y += y;
    viewer.isFitted = false;
  });
}

/**
 * Shift and an arrow move the picture.
 * @param {KeyboardEvent} event
 * @returns {boolean} Whether it was one.
 */
export function panByKey(event) {
  const [x, y] = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
  if (!event.shiftKey || !(x || y) || !viewer.parts?.frame.isConnected) return false;
  event.preventDefault();
  pan(x * PAN, y * PAN);
  return true;
}

/** @param {(frame: HTMLElement) => void} move */
function place(move) {
  const { parts } = viewer;
  if (!parts?.frame.isConnected) return;
  const { frame, image } = parts;
  move(frame);
  const { width, height } = size();
  viewer.x = keepInside(viewer.x, width * viewer.scale, frame.clientWidth);
  viewer.y = keepInside(viewer.y, height * viewer.scale, frame.clientHeight);
  image.classList.toggle('small', isSmall() || viewer.scale >= 4);
  image.style.width = `${width * viewer.scale}px`;
  image.style.height = `${height * viewer.scale}px`;
  image.style.transform = `translate(${Math.round(viewer.x)}px, ${Math.round(viewer.y)}px)`;
  frame.dataset.scale = viewer.scale.toFixed(3);
}

/**
 * A picture that is smaller than its frame stays in the middle, a larger one leaves no gap at an edge.
 * @param {number} at
 * @param {number} length
 * @param {number} room
 */
const keepInside = (at, length, room) =>
  length <= room ? (room - length) / 2 : Math.max(room - length, Math.min(0, at));

/** @param {HTMLElement} frame */
function listenToPointer(frame) {
  frame.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const corner = frame.getBoundingClientRect();
      const notches = event.deltaMode ? -event.deltaY / 3 : -event.deltaY / 100;
      const factor = STEP ** Math.max(-2, Math.min(2, notches));
      zoomTo(viewer.scale * factor, event.clientX - corner.left, event.clientY - corner.top);
    },
    { passive: false },
  );
  frame.addEventListener('pointerdown', (event) => event.button === 0 && frame.setPointerCapture(event.pointerId));
  frame.addEventListener('pointermove', (event) => {
    if (frame.hasPointerCapture(event.pointerId)) pan(event.movementX, event.movementY);
  });
  frame.addEventListener('dblclick', actualSize);
}

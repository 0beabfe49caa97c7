// What moves with the pointer on the map: a line, the row below it with those nearest to it, and the cross of the keys.
import { map } from './map-state.js';
import { aboveCanvas, contextOf, fitCanvas, placeOf, ratio, toCanvas } from './map-transform.js';

/** What moves with the pointer, without the points below. */
export function drawAbove() {
  const element = aboveCanvas();
  if (!element.clientWidth) return;
  fitCanvas(element);
  const context = contextOf(element);
  const style = getComputedStyle(document.documentElement);
  const [ink, accent] = [style.getPropertyValue('--ink'), style.getPropertyValue('--accent')];
  context.setTransform(ratio(), 0, 0, ratio(), 0, 0);
  context.clearRect(0, 0, element.clientWidth, element.clientHeight);
  context.lineWidth = 2;
  context.strokeStyle = accent;
  const chosen = map.chosen?.layout === map.layout ? map.chosen.corners : [];
  drawLine(context, map.corners.length ? map.corners : chosen);
  context.strokeStyle = ink;
  if (map.hovered !== null) drawNear(context, map.hovered);
  if (map.cross) drawCross(context, map.cross);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number[]} corners
 */
function drawLine(context, corners) {
  context.beginPath();
  for (let at = 0; at < corners.length; at += 2) {
    const { x, y } = toCanvas(corners[at], corners[at + 1]);
    context.lineTo(x, y);
  }
  context.closePath();
  context.stroke();
}

/**
 * A row and lines to those nearest to it.
 * @param {CanvasRenderingContext2D} context
 * @param {number} row
 */
function drawNear(context, row) {
  const from = placeOf(row);
  for (const other of map.near) {
    const to = placeOf(other);
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    drawRing(context, to, 5);
  }
  drawRing(context, from, 8);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ x: number, y: number }} at
 * @param {number} reach
 */
function drawRing(context, { x, y }, reach) {
  context.beginPath();
  context.arc(x, y, reach, 0, 2 * Math.PI);
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ x: number, y: number }} at
 */
function drawCross(context, { x, y }) {
  context.beginPath();
  for (const [across, down] of [
    [12, 0],
    [0, 12],
  ]) {
    context.moveTo(x - across, y - down);
    context.lineTo(x + across, y + down);
  }
  context.stroke();
}

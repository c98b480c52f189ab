// A drawing made by the server, taken apart and made again of what drawings consist of.
//
// Names of nodes come from anyone, and an SVG may hold scripts and links: only the elements
// and attributes named here are made. This module knows SVG. It does not know graphs.

const SPACE = "http://www.w3.org/2000/svg";

const TAGS = new Set(
  "svg g path rect circle ellipse polygon polyline line text tspan title desc defs marker".split(
    " ",
  ),
);

const ATTRIBUTES = new Set(
  (
    "id class d points x y x1 y1 x2 y2 cx cy r rx ry dx dy width height viewBox transform fill " +
    "fill-opacity stroke stroke-width stroke-dasharray stroke-linecap stroke-linejoin " +
    "stroke-opacity opacity marker-start marker-mid marker-end markerWidth markerHeight " +
    "markerUnits orient refX refY text-anchor dominant-baseline font-family font-size " +
    "font-weight font-style paint-order preserveAspectRatio"
  ).split(" "),
);

const SAFE = /^(?!.*(?:url\((?!#[\w-]+\)\s*$)|javascript:))/is;

/** Fetch a drawing; null if there is none. Raises AbortError when `signal` says so. */
export function fetchDrawing(address, signal) {
  // Not `fetch` and DOMParser: this parses without a sink for scripts (Trusted Types).
  const request = new XMLHttpRequest();
  request.open("GET", address);
  request.responseType = "document";
  request.overrideMimeType("image/svg+xml");
  return new Promise((resolve, reject) => {
    const given = () => {
      const root = request.status === 200 ? request.responseXML?.documentElement : null;
      resolve(root?.localName === "svg" ? again(root) : null);
    };
    request.onload = given;
    request.onerror = () => resolve(null);
    request.onabort = () => reject(new DOMException("left", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send();
  });
}

/** Make an element of a drawing. */
export function draw(tag, attributes = {}, text = "") {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

function again(element) {
  const made = document.createElementNS(SPACE, element.localName);
  for (const { name, value } of element.attributes) {
    if ((ATTRIBUTES.has(name) || name.startsWith("data-")) && SAFE.test(value))
      made.setAttribute(name, value);
  }
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) made.append(child.data);
    else if (
      child.nodeType === Node.ELEMENT_NODE &&
      child.namespaceURI === SPACE &&
      TAGS.has(child.localName)
    ) {
      made.append(again(child));
    }
  }
  return made;
}

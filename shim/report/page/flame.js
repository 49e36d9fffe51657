// The flame graph: from the program down to the call, as wide as their share. Frames too narrow to be met with a finger
// are drawn as one with their neighbours, so that its size is bounded by the screen's and not by the log's.

const kNarrowest = 6; // pixels
const kHeight = 24;

// Of folded stacks, "program;function;call 12" a line.
function stackTree(folded) {
  const root = { name: 'all', count: 0, children: new Map() };
  for (const line of folded.split('\n')) {
    const space = line.lastIndexOf(' ');
    if (space < 0) continue;
    const count = Number(line.slice(space + 1));
    root.count += count;
    let frame = root;
    for (const name of line.slice(0, space).split(';')) {
      let child = frame.children.get(name);
      if (!child) {
        child = { name, count: 0, children: new Map(), parent: frame };
        frame.children.set(name, child);
      }
      child.count += count;
      frame = child;
    }
  }
  return root;
}

const hue = (name) => {
  let hash = 7;
  for (let i = 0; i < Math.min(name.length, 200); ++i) hash = (hash * 31 + name.charCodeAt(i)) % 9973;
  return hash % 60;
};

// What is to be drawn below `zoomed`, which fills the width, and its callers above it.
function layOut(zoomed, least) {
  const boxes = [];
  const path = [];
  for (let frame = zoomed.parent; frame; frame = frame.parent) path.unshift(frame);
  path.forEach((frame, depth) => boxes.push({ frame, depth, left: 0, width: 1, above: true }));
  const place = (frame, depth, left) => {
    boxes.push({ frame, depth, left, width: frame.count / Math.max(zoomed.count, 1) });
    let narrow = { width: 0, number: 0 };
    const flush = (end) => {
      if (narrow.width >= least) boxes.push({ ...narrow, depth: depth + 1, left: end - narrow.width });
      narrow = { width: 0, number: 0 };
    };
    let at = left;
    for (const child of [...frame.children.values()].sort((a, b) => b.count - a.count)) {
      const width = child.count / Math.max(zoomed.count, 1);
      if (width >= least) place(child, depth + 1, at);
      else narrow = { width: narrow.width + width, number: narrow.number + 1 };
      at += width;
    }
    flush(at);
  };
  place(zoomed, path.length, 0);
  return boxes;
}

function flameGraph(folded, onChosen) {
  const root = stackTree(folded);
  const label = 'Flame graph: arrow keys move, Enter zooms in, Escape zooms out';
  const graph = element('div', { class: 'flames', role: 'group', 'aria-label': label });
  const told = element('p', { class: 'told', 'aria-live': 'polite' });
  const out = element('button', { type: 'button' }, 'Zoom out');
  const list = element('button', { type: 'button' }, 'List its call sites');
  let zoomed = root;
  let boxes = [];

  const tell = (frame) => {
    const part = `${grouped(frame.count)} of ${grouped(root.count)}, ${percentage(frame.count, root.count)}`;
    told.textContent = `${printable(frame.name)}: ${part}`;
  };

  function draw(focused) {
    const width = graph.clientWidth || 1000;
    boxes = layOut(zoomed, kNarrowest / width);
    graph.replaceChildren(...boxes.map(box));
    graph.style.height = `${kHeight * (1 + Math.max(...boxes.map(({ depth }) => depth)))}px`;
    out.disabled = zoomed === root;
    list.disabled = zoomed === root;
    tell(zoomed);
    const current = boxes.find(({ frame }) => frame === zoomed);
    current.node.tabIndex = 0;
    if (focused) current.node.focus({ preventScroll: true });
  }

  function box(of) {
    const { frame, depth, left, width } = of;
    const isWide = width * (graph.clientWidth || 1000) > 30;
    const text = frame ? printable(frame.name) : `${of.number} more`;
    const node = frame
      ? element('button', { type: 'button', tabindex: '-1' }, text)
      : element('span', { class: 'narrow' }, isWide ? text : '');
    if (of.above) node.classList.add('above');
    if (frame === zoomed && zoomed !== root) node.setAttribute('aria-current', 'true');
    if (!isWide) node.classList.add('small');
    node.style.left = `${100 * left}%`;
    node.style.width = `${100 * width}%`;
    node.style.top = `${kHeight * depth}px`;
    if (frame) node.style.setProperty('--hue', hue(frame.name));
    of.node = node;
    return node;
  }

  function zoom(frame) {
    zoomed = frame;
    draw(true);
  }

  const boxAt = (node) => boxes.find((other) => other.node === node && other.frame);

  // The frame that lies there, seen from this one.
  function neighbour(from, key) {
    if (key === 'ArrowUp') return boxes.find(({ frame }) => frame && frame === from.frame.parent);
    if (key === 'ArrowDown') return boxes.find(({ frame }) => frame?.parent === from.frame);
    const level = boxes.filter(({ frame, depth }) => frame && depth === from.depth);
    return level[level.indexOf(from) + (key === 'ArrowRight' ? 1 : -1)];
  }

  graph.addEventListener('click', ({ target }) => {
    const found = boxAt(target);
    if (found) zoom(found.frame);
  });
  for (const event of ['mouseover', 'focusin'])
    graph.addEventListener(event, ({ target }) => {
      const found = boxAt(target);
      if (found) tell(found.frame);
    });
  graph.addEventListener('mouseleave', () => tell(zoomed));
  graph.addEventListener('keydown', (event) => {
    const from = boxAt(event.target);
    if (!from) return;
    if (event.key === 'Escape') return zoom(zoomed.parent ?? root);
    if (!event.key.startsWith('Arrow')) return;
    event.preventDefault();
    const to = neighbour(from, event.key);
    if (!to) return;
    from.node.tabIndex = -1;
    to.node.tabIndex = 0;
    to.node.focus();
  });
  out.addEventListener('click', () => zoom(zoomed.parent ?? root));
  list.addEventListener('click', () => onChosen(zoomed.name));
  let drawnAt = 0;
  new ResizeObserver(() => {
    if (graph.clientWidth === drawnAt) return;
    drawnAt = graph.clientWidth;
    draw(graph.contains(document.activeElement));
  }).observe(graph);
  return [element('div', { class: 'controls' }, out, list), told, graph];
}

// Shows the values of the curves at the pointer.
function hoverCharts() {
document.querySelectorAll('svg[data-x]').forEach(function (svg) {
  var x = svg.dataset.x.split(',').map(Number), hover = svg.querySelector('.hover'), curves = [];
  svg.querySelectorAll('path[data-points]').forEach(function (path) {
    curves.push({ name: path.dataset.name, points: path.dataset.points.trim().split(' ').map(function (p) { return p.split(',').map(Number); }) });
  });
  var left = 68, right = 628, log = svg.dataset.log === 'true', name = 'http://www.w3.org/2000/svg';
  function add(kind, attributes, text) {
    var made = document.createElementNS(name, kind);
    for (var key in attributes) made.setAttribute(key, attributes[key]);
    if (text) made.textContent = text;
    hover.appendChild(made);
  }
  function shown(value) { return Number((log ? Math.pow(10, value) : value).toPrecision(5)).toString(); }
  svg.addEventListener('pointermove', function (event) {
    var box = svg.getBoundingClientRect(), place = (event.clientX - box.left) * 640 / box.width;
    var step = x[0] + (place - left) / (right - left) * (x[1] - x[0]), lines = [], at = null;
    curves.forEach(function (curve) {
      var nearest = curve.points.reduce(function (a, b) { return Math.abs(b[0] - step) < Math.abs(a[0] - step) ? b : a; });
      if (at === null) at = nearest[0];
      lines.push(curve.name + ' ' + shown(nearest[1]) + (nearest[0] === at ? '' : ' (step ' + nearest[0] + ')'));
    });
    hover.replaceChildren();
    if (at === null || place < left || place > right) return;
    lines.unshift('step ' + at);
    var pixel = left + (at - x[0]) / (x[1] - x[0]) * (right - left), side = pixel > 340 ? pixel - 210 : pixel + 8;
    add('line', { x1: pixel, x2: pixel, y1: 12, y2: 212 });
    add('rect', { x: side, y: 14, width: 202, height: 8 + 16 * lines.length });
    lines.forEach(function (line, i) { add('text', { x: side + 6, y: 30 + 16 * i }, line); });
  });
  svg.addEventListener('pointerleave', function () { hover.replaceChildren(); });
});
}
hoverCharts();

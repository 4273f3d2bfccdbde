// Takes the changing part of the page again when the run has changed, half a second apart at least.
function follow(place) {
  var waiting = false;
  new EventSource(place + 'events').onmessage = function () {
    if (waiting) return;
    waiting = true;
    setTimeout(function () {
      fetch(place + 'body').then(function (answer) { return answer.text(); }).then(function (body) {
        var open = Array.from(document.querySelectorAll('details')).map(function (d) { return d.open; });
        document.querySelector('main').outerHTML = body;
        document.querySelectorAll('details').forEach(function (d, i) { d.open = open[i]; });
        hoverCharts();
      }).finally(function () { waiting = false; });
    }, 500);
  };
}

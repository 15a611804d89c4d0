(function () {
  'use strict';
  var page = document.documentElement;
  var box = document.getElementById('q');
  var told = document.getElementById('hits');
  var sections = Array.from(document.querySelectorAll('main section'));
  var links = Array.from(document.querySelectorAll('nav.toc a'));
  var items = links.map(function (link) { return link.closest('li'); });
  var folds = Array.from(document.querySelectorAll('nav.toc li details'));
  var texts = null;
  var wait = 0;
  page.classList.add('js');
  if (window.matchMedia('(max-width: 59.99rem)').matches) {
    document.querySelector('nav.toc details').open = false;
  }

  function textOf(section) {
    var parts = Array.from(section.querySelectorAll('.uri, .text, .findings'));
    return parts.map(function (part) { return part.textContent; }).join(' ').toLowerCase();
  }

  function above(item) { return item.parentElement.closest('li'); }

  function show(index) {
    sections[index].hidden = false;
    for (var item = items[index]; item; item = above(item)) { item.hidden = false; }
  }

  function filter() {
    var words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    texts = texts || sections.map(textOf);
    var hits = 0;
    sections.forEach(function (section) { section.hidden = words.length > 0; });
    items.forEach(function (item) { item.hidden = words.length > 0; });
    sections.forEach(function (section, index) {
      var found = words.every(function (word) { return texts[index].includes(word); });
      if (found) { hits += 1; show(index); }
    });
    if (words.length > 0) {
      folds.forEach(function (fold) { fold.open = true; });
    }
    told.textContent = words.length > 0 ? hits + ' of ' + sections.length + ' nodes' : '';
  }

  function arrive() {
    var name = location.hash.slice(1);
    var index = sections.findIndex(function (section) { return section.id === name; });
    links.forEach(function (link) { link.removeAttribute('aria-current'); });
    if (index === -1) { return; }
    if (sections[index].hidden) { box.value = ''; filter(); }
    links[index].setAttribute('aria-current', 'true');
    for (var item = above(items[index]); item; item = above(item)) {
      item.querySelector('details').open = true;
    }
    sections[index].scrollIntoView();
  }

  box.addEventListener('input', function () {
    clearTimeout(wait);
    wait = setTimeout(filter, 120);
  });
  box.addEventListener('keydown', function (event) {
    if (event.key === 'Escape') { box.value = ''; filter(); box.blur(); }
    if (event.key === 'Enter') {
      clearTimeout(wait);
      filter();
      var first = sections.find(function (section) { return !section.hidden; });
      if (first) { location.hash = first.id; }
    }
  });
  document.addEventListener('keydown', function (event) {
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) { return; }
    event.preventDefault();
    box.focus();
    box.select();
  });
  document.getElementById('open').addEventListener('click', function () {
    folds.forEach(function (fold) { fold.open = true; });
  });
  document.getElementById('close').addEventListener('click', function () {
    folds.forEach(function (fold) { fold.open = false; });
  });
  window.addEventListener('hashchange', arrive);
  arrive();
}());

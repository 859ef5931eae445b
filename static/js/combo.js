/*
 * Turns the list of a form[data-combo] into a field in which people type words of a title or a
 * sponsor (the ARIA pattern of a combobox with a list). Choosing an event sends the form.
 * Without this script, the list and its button do the same.
 */
(() => {
  "use strict";

  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  const element = (name, values, ...children) => {
    const made = Object.assign(document.createElement(name), values);
    made.append(...children);
    return made;
  };

  const setUp = (form) => {
    const select = form.querySelector("select");
    const options = [...select.options].filter((option) => option.value);
    const input = element("input", {
      id: select.id,
      className: "form-control",
      autocomplete: "off",
      placeholder: "Choose, or type a word of its title",
    });
    const list = element("ul", { id: `${select.id}-list`, className: "combo__list", hidden: true });
    const status = element("p", { className: "only-read" });
    let shown = [];
    let active = -1;

    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", list.id);
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Events that ended, newest first");
    status.setAttribute("role", "status");

    const items = options.map((option, index) => {
      const { when, title, amount } = option.dataset;
      const item = element(
        "li",
        { id: `${select.id}-${index}` },
        element("span", { className: "quiet", textContent: when }),
        element("span", { textContent: title }),
        element("span", { className: "num", textContent: amount }),
      );
      item.setAttribute("role", "option");
      item.addEventListener("click", () => choose(index));
      return item;
    });
    const words = options.map(({ dataset }) => fold(`${dataset.title} ${dataset.sponsor}`));

    const mark = (position) => {
      active = position;
      items.forEach((item) => item.setAttribute("aria-selected", "false"));
      input.removeAttribute("aria-activedescendant");
      if (active < 0) return;
      const item = items[shown[active]];
      item.setAttribute("aria-selected", "true");
      item.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", item.id);
    };

    const open = (isOpen) => {
      list.hidden = !isOpen;
      input.setAttribute("aria-expanded", String(isOpen));
      if (!isOpen) mark(-1);
    };

    const search = () => {
      const wanted = fold(input.value).split(/\s+/).filter(Boolean);
      const fits = (text) => wanted.every((word) => text.includes(word));
      shown = [...items.keys()].filter((index) => fits(words[index]));
      list.replaceChildren(...shown.map((index) => items[index]));
      mark(-1);
      const number = shown.length === 1 ? "1 event" : `${shown.length} events`;
      status.className = shown.length ? "only-read" : "form-text";
      status.textContent = shown.length
        ? `${number} on the list`
        : "No event fits these words. Try fewer words, or look for older events on the calendar.";
      open(shown.length > 0);
    };

    const choose = (index) => {
      select.value = options[index].value;
      input.value = options[index].dataset.title;
      open(false);
      form.requestSubmit();
    };

    const move = (step) => {
      if (list.hidden) search();
      if (!shown.length) return;
      const last = shown.length - 1;
      const next = active < 0 ? (step > 0 ? 0 : last) : active + step;
      mark(next < 0 ? last : next > last ? 0 : next);
    };

    const keys = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      Enter: () => active >= 0 && choose(shown[active]),
      Escape: () => (list.hidden ? (input.value = "") : open(false)),
    };

    input.addEventListener("input", search);
    input.addEventListener("click", () => (list.hidden ? search() : open(false)));
    input.addEventListener("keydown", (event) => {
      if (!(event.key in keys)) return;
      event.preventDefault();
      keys[event.key]();
    });
    input.addEventListener("blur", () => open(false));
    // So that pressing an event does not first take the focus from the field.
    list.addEventListener("mousedown", (event) => event.preventDefault());

    select.removeAttribute("id");
    select.hidden = true;
    form.querySelector("[type=submit]").parentElement.hidden = true;
    const arrow = element("span", { className: "combo__arrow", textContent: "▾" });
    arrow.setAttribute("aria-hidden", "true");
    const combo = element("div", { className: "combo" }, input, arrow, list, status);
    select.after(combo);
    open(false);
  };

  document.querySelectorAll("form[data-combo]").forEach(setUp);
})();

/*
 * Beside a time in Mountain time, the same in the viewer's own zone where that differs:
 * "(8:00–10:00 AM your time, Pacific)".
 *
 * time[data-local][datetime] is where something begins, data-ends where it ends;
 * [data-local-note] in the same dd takes the words and is hidden until then.
 */
(() => {
  "use strict";

  const MOUNTAIN = "America/Denver";
  const CLOCK = { hour: "numeric", minute: "2-digit" };
  const DAY = { weekday: "short", month: "short", day: "numeric" };

  const told = (moment, options) => new Intl.DateTimeFormat("en-US", options).format(moment);

  const isElsewhere = (moment) =>
    told(moment, { ...DAY, ...CLOCK }) !== told(moment, { ...DAY, ...CLOCK, timeZone: MOUNTAIN });

  const clocks = (begins, ends) => {
    const format = new Intl.DateTimeFormat("en-US", CLOCK);
    const text = ends ? format.formatRange(begins, ends) : format.format(begins);
    // As the server writes it: a plain space before AM, none around the dash.
    return text.replace(/[\u2009\u202f]/g, " ").replace(" – ", "–");
  };

  const range = (begins, ends) => {
    const day = told(begins, DAY);
    // Over midnight the day stands before each clock: a range of clocks would make it 12/3/2026.
    if (ends && told(ends, DAY) !== day) {
      return `${day}, ${clocks(begins)} – ${told(ends, DAY)}, ${clocks(ends)}`;
    }
    const sameDay = day === told(begins, { ...DAY, timeZone: MOUNTAIN });
    return sameDay ? clocks(begins, ends) : `${day}, ${clocks(begins, ends)}`;
  };

  const zone = (moment) => {
    const format = new Intl.DateTimeFormat("en-US", { timeZoneName: "longGeneric" });
    const part = format.formatToParts(moment).find(({ type }) => type === "timeZoneName");
    return part.value.replace(/ Time$/, "");
  };

  const remark = (time) => {
    const begins = new Date(time.dateTime);
    const ends = time.dataset.ends ? new Date(time.dataset.ends) : null;
    const note = time.closest("dd")?.querySelector("[data-local-note]");
    if (!note || Number.isNaN(begins.getTime())) return;
    if (!isElsewhere(begins) && !(ends && isElsewhere(ends))) return;
    note.textContent = `(${range(begins, ends)} your time, ${zone(begins)})`;
    note.hidden = false;
  };

  document.querySelectorAll("time[data-local]").forEach(remark);
})();

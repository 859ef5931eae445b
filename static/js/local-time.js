/*
 * Shows times in the viewer's own time zone next to Mountain time, if they differ:
 * "(8:00–10:00 AM your time, Pacific)".
 *
 * time[data-local] has the start in its datetime attribute and the end, if any, in data-ends.
 * The text goes into the hidden [data-local-note] in the same dd.
 */
(() => {
  "use strict";

  const MOUNTAIN = "America/Denver";
  const TIME = { hour: "numeric", minute: "2-digit" };
  const DAY = { weekday: "short", month: "short", day: "numeric" };

  const formatTime = (moment, options) => new Intl.DateTimeFormat("en-US", options).format(moment);

  const isElsewhere = (moment) =>
    formatTime(moment, { ...DAY, ...TIME }) !==
    formatTime(moment, { ...DAY, ...TIME, timeZone: MOUNTAIN });

  const times = (begins, ends) => {
    const format = new Intl.DateTimeFormat("en-US", TIME);
    const text = ends ? format.formatRange(begins, ends) : format.format(begins);
    // As on the server: a plain space before AM, and no spaces around the dash.
    return text.replace(/[\u2009\u202f]/g, " ").replace(" – ", "–");
  };

  const range = (begins, ends) => {
    const day = formatTime(begins, DAY);
    // Across midnight, write the day before each time. formatRange would write it as 12/3/2026.
    if (ends && formatTime(ends, DAY) !== day) {
      return `${day}, ${times(begins)} – ${formatTime(ends, DAY)}, ${times(ends)}`;
    }
    const sameDay = day === formatTime(begins, { ...DAY, timeZone: MOUNTAIN });
    return sameDay ? times(begins, ends) : `${day}, ${times(begins, ends)}`;
  };

  const zone = (moment) => {
    const format = new Intl.DateTimeFormat("en-US", { timeZoneName: "longGeneric" });
    const part = format.formatToParts(moment).find(({ type }) => type === "timeZoneName");
    return part.value.replace(/ Time$/, "");
  };

  const addNote = (time) => {
    const begins = new Date(time.dateTime);
    const ends = time.dataset.ends ? new Date(time.dataset.ends) : null;
    const note = time.closest("dd")?.querySelector("[data-local-note]");
    if (!note || Number.isNaN(begins.getTime())) return;
    if (!isElsewhere(begins) && !(ends && isElsewhere(ends))) return;
    note.textContent = `(${range(begins, ends)} your time, ${zone(begins)})`;
    note.hidden = false;
  };

  document.querySelectorAll("time[data-local]").forEach(addNote);
})();

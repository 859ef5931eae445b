"""Records the short clip that the demonstration shows in place of every recording.

A browser draws the scenes on a canvas and records them without sound:

    .venv/bin/python scripts/demonstration_clip.py
"""

import base64
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

CLIP = Path(__file__).parents[1] / "static/demonstration.webm"
# The lines of each scene. A scene takes SECONDS.
SCENES = [
    ["A recording", "would play here."],
    ["Make a note of", "what you can use."],
    ["Then go back to the event", "and press Add CE credit."],
]
SECONDS = 3
RECORD = """
async ([scenes, seconds]) => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 640, height: 360});
  const pen = canvas.getContext("2d");
  const draw = (now) => {
    const scene = Math.min(Math.floor(now / seconds), scenes.length - 1);
    pen.fillStyle = "#12202c";
    pen.fillRect(0, 0, 640, 360);
    // The sun rises behind two mountains while the lines stay.
    pen.fillStyle = "#e3b23c";
    pen.beginPath();
    pen.arc(470, 330 - 130 * Math.min(1, now / (seconds * scenes.length)), 46, 0, 7);
    pen.fill();
    for (const [color, points] of [
      ["#2b6d5b", [[260, 360], [400, 210], [560, 360]]],
      ["#1d4f7c", [[430, 360], [570, 235], [720, 360]]],
    ]) {
      pen.fillStyle = color;
      pen.beginPath();
      points.forEach((point) => pen.lineTo(...point));
      pen.fill();
    }
    pen.fillStyle = "#ffffff";
    pen.font = "600 34px sans-serif";
    scenes[scene].forEach((line, number) => pen.fillText(line, 48, 90 + 46 * number));
    pen.fillStyle = "#8fb8d8";
    pen.fillRect(0, 354, 640 * Math.min(1, now / (seconds * scenes.length)), 6);
  };
  const recorder = new MediaRecorder(canvas.captureStream(10), {
    mimeType: "video/webm;codecs=vp9", videoBitsPerSecond: 100_000,
  });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const stopped = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.start();
  const start = performance.now();
  for (let now = 0; now < seconds * scenes.length; now = (performance.now() - start) / 1000) {
    draw(now);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  recorder.stop();
  await stopped;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
"""


def main() -> None:
    chromium = shutil.which("chromium") or sys.exit("Chromium is needed: run make browser.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        clip = base64.b64decode(browser.new_page().evaluate(RECORD, [SCENES, SECONDS]))
        browser.close()
    CLIP.write_bytes(clip)
    print(f"{CLIP.name}: {len(clip):,} bytes")


if __name__ == "__main__":
    main()

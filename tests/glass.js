/**
 * Reads the clock that tests/glass.py burns into the picture: 2 rows of 32 black or white blocks across the top.
 * Row 1: the low 32 bits of the epoch in ms. Row 2: 24 bits of frame number, 8 bits of check sum.
 */
(() => {
  const BLOCKS = 32;
  const STRIP = 64 / 720; // of the picture's height
  const WIDTH = BLOCKS * 8;
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = 16;
  const context = canvas.getContext('2d', { willReadFrequently: true });

  const word = (pixels, y) => {
    let value = 0;
    for (let i = 0; i < BLOCKS; i += 1) value = value * 2 + (pixels[(y * WIDTH + i * 8 + 4) * 4 + 1] > 127 ? 1 : 0);
    return value;
  };

  const read = (video) => {
    context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight * STRIP, 0, 0, WIDTH, 16);
    const { data } = context.getImageData(0, 0, WIDTH, 16);
    const [time, row] = [word(data, 4), word(data, 12)];
    const [frame, sum] = [Math.floor(row / 256), row % 256];
    let expected = 0x5a;
    for (const value of [time, frame]) for (let shift = 0; shift < 32; shift += 8) expected ^= (value >>> shift) & 255;
    return sum === expected ? time : null;
  };

  const ahead = (video) => {
    for (let i = 0; i < video.buffered.length; i += 1) {
      if (video.buffered.start(i) <= video.currentTime + 0.05 && video.buffered.end(i) >= video.currentTime) return video.buffered.end(i) - video.currentTime;
    }
    return 0;
  };

  /** Reading a picture back costs more than painting it, so only every third one is read. */
  const READ_EVERY = 3;

  /**
   * Notes each painted frame in `glass.samples`: [ms on the page, latency in ms where the clock was read, buffered s]. Those whose clock
   * could not be read are counted.
   */
  window.glass = {
    samples: [],
    unreadable: 0,
    watch(video) {
      let painted = 0;
      const onFrame = () => {
        const now = Date.now();
        const wanted = painted % READ_EVERY === 0;
        const time = wanted ? read(video) : null;
        if (wanted && time === null) this.unreadable += 1;
        const latency = time === null ? null : ((now % 2 ** 32) - time + 2 ** 32) % 2 ** 32;
        this.samples.push([performance.now(), latency, ahead(video)]);
        painted += 1;
        video.requestVideoFrameCallback(onFrame);
      };
      video.requestVideoFrameCallback(onFrame);
    },
    since: performance.now(),
    /** What was noted since the last call, and from when to when on the page. */
    take() {
      const { samples, unreadable, since } = this;
      this.samples = [];
      this.unreadable = 0;
      this.since = performance.now();
      const video = document.querySelector('video');
      return { samples, unreadable, since, until: this.since, dropped: video.getVideoPlaybackQuality().droppedVideoFrames };
    },
  };
})();

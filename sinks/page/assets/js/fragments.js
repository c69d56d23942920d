/** Counts frames in fragmented MP4 (ISO/IEC 14496-12): what a broadcast really sends, whatever its encoder says. */

/** Size and type of a box's header. */
const HEADER = 8;
/** Version, flags: before the fields of a full box. */
const FULL = 4;
const INSIDE = new Set(['moof', 'traf']);

/** Samples in all track runs of a segment that has one track. */
export function frames(buffer) {
  const view = new DataView(buffer);
  const walk = (at, end) => {
    let found = 0;
    while (at + HEADER <= end) {
      const size = view.getUint32(at);
      const type = String.fromCharCode(...new Uint8Array(buffer, at + 4, 4));
      if (size < HEADER || at + size > end) break; // a size of 64 bits, or a damaged file: nothing of ours
      if (INSIDE.has(type)) found += walk(at + HEADER, at + size);
      else if (type === 'trun') found += view.getUint32(at + HEADER + FULL);
      at += size;
    }
    return found;
  };
  return walk(0, buffer.byteLength);
}

// Unpacks what `packing.py` packed: Base64 and gzip around columns of little-endian numbers, the widest first.
const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f8: Float64Array };

async function unpack(packed) {
  const compressed = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const columns = {};
  let offset = 0;
  for (const [name, type, length] of packed.columns) {
    // The widest come first, so that each begins where its type may begin.
    columns[name] = new ARRAYS[type](buffer, offset, length);
    offset += columns[name].byteLength;
  }
  return columns;
}

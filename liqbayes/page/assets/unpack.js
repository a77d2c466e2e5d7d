// The reverse of liqbayes.page.pack.
function bytes(text) {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) out[i] = raw.charCodeAt(i);
  return out;
}

async function inflate(text) {
  const stream = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const floats = (text) => new Float64Array(bytes(text).buffer);

async function unpack(packed) {
  const raw = await inflate(packed.data);
  const width = packed.shape[packed.shape.length - 1];
  const size = packed.shape.reduce((a, b) => a * b, 1);
  const out = new Float32Array(size);
  const amounts = packed.kind === "amount";
  let code = 0;
  for (let i = 0; i < size; i += 1) {
    if (i % width === 0) code = 0;
    if (amounts) {
      code = (code + raw[i] + 256 * raw[i + size]) & 0xffff;
      if (code === 65535) out[i] = NaN;
      else out[i] = code === 0 ? 0 : packed.floor * Math.exp((code - 1) * packed.step);
    } else {
      code = (code + raw[i]) & 0xff;
      out[i] = code === 255 ? NaN : code / packed.parts;
    }
  }
  return out;
}

#!/bin/sh
# Makes every icon from bellbird.svg. Needs chromium (to draw the SVG), ImageMagick and python3.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --default-background-color=00000000 \
  --force-device-scale-factor=2 --window-size=512,512 --screenshot="$work/whole.png" "file://$PWD/bellbird.svg" 2>/dev/null
png() { convert "$work/whole.png" -resize "$1x$1" -strip -define png:exclude-chunks=date,time "PNG32:$2"; }
png 32 32x32.png
png 128 128x128.png
png 512 icon.png
for size in 16 24 32 48 64 128 256; do png "$size" "$work/$size.png"; done
convert "$work/16.png" "$work/24.png" "$work/32.png" "$work/48.png" "$work/64.png" "$work/256.png" icon.ico
# An ICNS file is a header and a list of PNG files, each with a four-letter name for its size.
python3 - "$work/128.png" "$work/256.png" icon.png <<'PY'
import struct, sys
body = b""
for name, path in zip((b"ic07", b"ic08", b"ic09"), sys.argv[1:]):
    png = open(path, "rb").read()
    body += name + struct.pack(">I", len(png) + 8) + png
open("icon.icns", "wb").write(b"icns" + struct.pack(">I", len(body) + 8) + body)
PY

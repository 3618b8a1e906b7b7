# Run in the machine. Alice calls Bob with a camera that another program holds, is let go of, unplugged, and plugged in again;
# Bob keeps what he sees as a film.

cd /tmp
touch server bob alice
vivid=/sys/bus/platform/drivers/vivid

# Waits until the lines of a file that have something in them are so many.
await() {
    tries=0
    while [ "$(grep -c -e "$2" "$1")" -lt "${3:-1}" ]; do
        tries=$((tries + 1))
        if [ $tries -ge 600 ]; then
            echo "no $2 from $1"
            cat server alice bob
            exit 1
        fi
        sleep 0.2
    done
    echo "after $(cut -d' ' -f1 /proc/uptime) s: $2"
}

# How many pictures Bob has seen, as he says each second.
pictures_seen() {
    sed -n 's/.*"frames":\([0-9]*\).*/\1/p' bob | tail -n 1
}

insmod /drivers/vivid.ko n_devs=2 || exit 1
bellbird-cli devices 2> /dev/null || exit 1

export BELLBIRD_PASSWORD=correct-horse
for who in alice bob; do
    bellbird-cli user add $who --data server-data || exit 1
done
bellbird-cli serve --no-echo --data server-data > server 2>&1 &
await server Listening
common="--server http://127.0.0.1:8090 --mic silence --speaker null --no-processing"
bellbird-cli --json listen --stats 1 --save-video film $common --user bob --data bob-data > bob 2>&1 &
listening=$!
await bob '"registered"'

cat /dev/video0 > /dev/null &
holder=$!
mkfifo steer
bellbird-cli --json call bob --video --camera default --stdin $common --user alice --data alice-data < steer > alice 2>&1 &
calling=$!
exec 3> steer
await alice '"camera-busy"'
await alice '"local":true.*"connected"'
kill $holder
wait $holder
echo video on >&3
await alice '"video","local":true.*"added"'
await bob '"first":"frame"'

echo vivid.0 > $vivid/unbind
await alice '"camera-lost"'
echo video on >&3
await alice '"no-camera"'

echo vivid.0 > $vivid/bind
echo video on >&3
await alice '"video","local":true.*"added"' 2
before=$(pictures_seen)
tries=0
while [ "$(pictures_seen)" -lt $((before + 5)) ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || exit 1
    sleep 0.2
done

echo end >&3
wait $calling
echo "calling ended with $?"
kill -INT $listening
wait $listening
echo "listening ended with $?"
cat alice bob

# The last picture of the film: its colours in the middle of each of eight bars, below the driver's text.
film=$(echo film/*-camera.y4m)
head=$(head -n 1 "$film")
width=${head#*W}
width=${width%% *}
height=${head#*H}
height=${height%% *}
tail -c $((width * height * 3 / 2)) "$film" > last
value() {
    od -An -tu1 -j "$1" -N 1 last | tr -d ' '
}
for bar in 0 1 2 3 4 5 6 7; do
    x=$(((2 * bar + 1) * width / 16))
    y=$((height * 3 / 4))
    colour=$((width * height + y / 2 * (width / 2) + x / 2))
    echo "bar $bar: $(value $((y * width + x))) $(value $colour) $(value $((colour + width * height / 4)))"
done

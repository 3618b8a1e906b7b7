#!/bin/sh
# Has the Bellbird that runs on this machine join a conversation's call, watches that, mutes, and leaves; with curl.
#
#   ./join.sh TOKEN
#
# The web API's address and a token are in the core's door file, which only its person can read. A program of your own
# better has a token of its own, from `bellbird-cli ctl program add NAME`, in BELLBIRD_TOKEN. BELLBIRD_DATA names the
# data folder of another core than this person's own.
set -eu

room=${1:?which conversation? join.sh TOKEN}
door=${BELLBIRD_DATA:-${XDG_DATA_HOME:-$HOME/.local/share}/bellbird}/door.json
field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" "$door"; }
api=$(field web_api)
token=${BELLBIRD_TOKEN:-$(field token)}

# The token goes in by a file that is none, so that it does not stand in the list of processes.
ask() {
  path=$1
  shift
  curl --silent --show-error --fail-with-body --header @- "$@" "$api/$path" <<HEADERS
Authorization: Bearer $token
Content-Type: application/json
HEADERS
}

echo "join: $(ask user/calls/join --data "{\"channelId\": \"$room\", \"joinType\": \"audio\"}")"

# 200 says that the command was taken. Whether it came to a call is asked for.
tries=0
until calls=$(ask user/calls) && [ "$calls" != "[]" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || { echo "no call came of it" >&2; exit 1; }
  sleep 0.2
done
echo "calls: $calls"

echo "mute: $(ask user/calls/audio --data '{"muted": true}')"
echo "leave: $(ask user/calls/leave --data '{}')"
